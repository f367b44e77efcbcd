#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cloud/credentials.h"
#include "http/client.h"
#include "scf/api.h"

namespace codedriftd {

/// One account as the API client needs it.
struct ApiAccount {
  std::string name;      ///< Target::account
  std::string endpoint;  ///< "https://HOST" or "https://HOST:PORT"; http to loopback
  Millis timeout{10'000};
  std::string ca_file;  ///< empty: the system's
  std::shared_ptr<CredentialProvider> credentials;
};

/// Calls the real API. One thread owns it, as api.h says.
class CurlApi final : public Api {
 public:
  /// `clock` must outlive this.
  explicit CurlApi(const Clock& clock);
  ~CurlApi() override;

  /// Replaces all accounts, and reads the certificates in their files anew; calls in flight end with what they were
  /// started with. Throws std::runtime_error, and
  /// changes nothing, if an endpoint is not allowed.
  void set_accounts(std::vector<ApiAccount> accounts);

  /// A call for an account that is not there (removed by a reload) is answered Client.NoCredentials.
  void start(const ApiCall& call, Callback done) override;
  void turn(Millis at_most) override;
  void wake() override;
  std::size_t in_flight() const override;

 private:
  struct Account;
  struct Ready {
    Callback done;
    ApiAnswer answer;
  };
  HttpRequest request_of(Account& account, const Credentials& credentials, const Target& target) const;

  const Clock& clock_;
  std::map<std::string, std::shared_ptr<Account>, std::less<>> accounts_;
  std::deque<Ready> ready_;
  HttpClient http_;
};

}  // namespace codedriftd
