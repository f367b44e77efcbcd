#pragma once
#include <string>

namespace codedriftd::test {

/// Who may call. The defaults below are fake and look it.
struct ScfCredential {
  std::string secret_id{};
  std::string secret_key{};
  std::string token{};  ///< of temporary keys: X-TC-Token must be exactly this. Empty: there must be none
};
inline const ScfCredential kFakeCredential{"FAKE-SECRET-ID-0001", "FAKE-SECRET-KEY-0001-NOT-A-REAL-KEY", ""};

/// Why the API refuses a request.
struct ScfRefusal {
  std::string code;
  std::string message;
};

}  // namespace codedriftd::test
