#pragma once

namespace codedriftd {

/// The certificates that this system trusts.
inline constexpr char kSystemCaFile[] = "/etc/ssl/certs/ca-certificates.crt";

}  // namespace codedriftd
