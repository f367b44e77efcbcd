#pragma once
/// The verb `packages.file` of the control socket: the content of one file of a package that is kept.
#include <cstdint>

namespace codedriftd {

/// Larger files are not sent: in base64 they, and what is around them, have to fit into kLongestControlReply.
inline constexpr uint64_t kMostPackageFileSent = uint64_t{700} * 1024;

}  // namespace codedriftd
