#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/sha256.h"
#include "settings/settings.h"
#include "status/wire.h"

namespace codedriftd {

/// Who may read the page, and what it shows of itself: the files of [http] as they were read. Immutable.
class Access {
 public:
  /// Reads the files. Refused, naming the file and the remedy: what read_secret_file refuses, a token shorter than 16
  /// characters or with others than printable ASCII, and what TlsIdentity::load refuses.
  static Result<std::shared_ptr<const Access>> load(const HttpSettings& settings);

  /// True if no token is configured, or `authorization`, the header of that name, shows it: `Bearer TOKEN` (RFC 6750),
  /// or `Basic` (RFC 7617) with any user and the token as the password, which is what a browser asks for. How long this
  /// takes says nothing of the token.
  bool allows(std::string_view authorization) const;
  /// nullptr: no TLS.
  const std::shared_ptr<const TlsIdentity>& identity() const { return identity_; }

 private:
  bool with_token_ = false;
  Sha256 token_hash_{};  ///< so that what is compared has one length
  std::shared_ptr<const TlsIdentity> identity_;
};

}  // namespace codedriftd
