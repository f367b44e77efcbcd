#pragma once
/// The one way in which signed calls reach the cloud, whatever is asked: accounts, credentials, requests.
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cloud/credentials.h"
#include "http/client.h"
#include "scf/actions.h"
#include "scf/api_error.h"

namespace codedriftd {

/// One account as the API client needs it.
struct ApiAccount {
  std::string name;      ///< Target::account
  std::string endpoint;  ///< "https://HOST" or "https://HOST:PORT"; http to loopback
  Millis timeout{10'000};
  std::string ca_file;  ///< empty: the system's
  std::shared_ptr<CredentialProvider> credentials;
  std::string audit_endpoint{};  ///< CloudAudit's, of the same form; empty: audit_endpoint_beside(endpoint)
};

/// "https://cloudaudit.X" beside "https://scf.X", with its port; any other endpoint, a simulated one on loopback for
/// example, has CloudAudit at the same place.
std::string audit_endpoint_beside(std::string_view endpoint);

/// Sends signed calls. One thread owns an object and makes every call on it but `wake`, as scf/api.h says of Api.
class SignedCalls {
 public:
  struct Call {
    Action action = Action::get_function_address;
    std::string account, region;  ///< REQUIRES: of the region, valid_part()
    std::string body;
    bool new_connection = false;
    std::optional<Millis> at_most{};  ///< nullopt: the account's timeout
    std::size_t body_cap = 64 * 1024;
  };
  /// What became of a call. `response` is overwritten when the callback returns.
  struct Reply {
    std::optional<ApiError> not_sent;  ///< Client.NoCredentials: there is no response then
    const HttpResponse& response;
    WallTime received;                          ///< this machine's wall clock
    std::function<void()> credentials_refused;  ///< to be called where the cloud refused them
  };
  using Callback = std::function<void(const Reply&)>;

  /// `clock` must outlive this.
  explicit SignedCalls(const Clock& clock);
  ~SignedCalls();
  SignedCalls(const SignedCalls&) = delete;
  SignedCalls& operator=(const SignedCalls&) = delete;

  /// Replaces all accounts, and reads the certificates in their files anew; calls in flight end with what they were
  /// started with. Throws std::runtime_error, and changes nothing, if an endpoint is not allowed.
  void set_accounts(std::vector<ApiAccount> accounts);

  /// `done` runs inside a later turn(), exactly once.
  void start(Call call, Callback done);
  void turn(Millis at_most);
  void wake();
  std::size_t in_flight() const;

  /// The account's timeout; zero if there is no such account.
  Millis timeout(std::string_view account) const;
  /// Names the limit that an account's calls count against: the same for accounts with the same key at the same host.
  /// Nothing secret.
  std::string limit_key(std::string_view account) const;

 private:
  struct Account;
  struct Unsent {
    Callback done;
    ApiError error;
  };
  HttpRequest request_of(Account& account, const Credentials& credentials, Call& call) const;

  const Clock& clock_;
  std::map<std::string, std::shared_ptr<Account>, std::less<>> accounts_;
  std::deque<Unsent> unsent_;
  HttpClient http_;
};

}  // namespace codedriftd
