#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"

namespace codedriftd::test {

/// The metadata service of a cloud machine, as far as it hands out a role's temporary keys:
/// GET /latest/meta-data/cam/security-credentials/ (the role's name) and the same with the name after it (the keys).
/// All methods are thread-safe.
class SimulatedMetadata {
 public:
  enum class Mode {
    normal,
    no_role,      ///< 404 for everything
    not_success,  ///< keys answered with Code "Failed" and no keys
    garbage,      ///< bytes that are neither a name nor JSON
    redirect,     ///< 302 to /elsewhere, which would hand out keys
    missing_key,  ///< the JSON without TmpSecretKey
    silent,       ///< never answers
    http_500,
  };
  struct Keys {
    std::string secret_id = "FAKE-TMP-SECRET-ID-1";
    std::string secret_key = "FAKE-TMP-SECRET-KEY-1-NOT-A-REAL-KEY";
    std::string token = "FAKE-TMP-TOKEN-1";
    WallTime expires{};
  };

  /// Listens on 127.0.0.1, any port. Keys expire in an hour, until set_keys says otherwise.
  explicit SimulatedMetadata(std::string role = "codedriftd-reader");
  ~SimulatedMetadata();

  uint16_t port() const;
  /// "http://127.0.0.1:PORT": for `endpoint` of cvm-role credentials.
  std::string endpoint() const;

  void set_mode(Mode mode);
  void set_keys(Keys keys);
  uint64_t requests() const;            ///< all of them
  uint64_t key_requests() const;        ///< of the keys
  uint64_t elsewhere_requests() const;  ///< that followed the redirect: must stay zero

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace codedriftd::test
