#include "scf/curl_api.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "base/secret.h"
#include "base/url.h"
#include "cloud/tc3.h"
#include "scf/answer.h"

namespace codedriftd {
namespace {

constexpr std::string_view kContentType = "application/json";
constexpr std::string_view kAction = "GetFunctionAddress";
constexpr std::string_view kVersion = "2018-04-16";
constexpr std::string_view kRequestClient = "codedriftd_" CODEDRIFTD_VERSION;

/// The parts of a target are letters, digits and `_.$-`: nothing in them needs escaping.
std::string body_of(const Target& target) {
  for (const std::string* part : {&target.region, &target.ns, &target.function, &target.qualifier}) {
    if (!valid_part(*part)) throw std::logic_error("a target with a part that is not valid reached the API client");
  }
  return fmt::format(R"({{"FunctionName":"{}","Namespace":"{}","Qualifier":"{}"}})", target.function, target.ns,
                     target.qualifier);
}

}  // namespace

struct CurlApi::Account {
  ApiAccount settings;
  std::string url;
  std::string host;  ///< the Host header, which is signed
  Tc3Signer signer;
};

CurlApi::CurlApi(const Clock& clock) : clock_(clock) {}
CurlApi::~CurlApi() = default;

void CurlApi::set_accounts(std::vector<ApiAccount> accounts) {
  std::map<std::string, std::shared_ptr<Account>, std::less<>> table;
  for (ApiAccount& settings : accounts) {
    std::string endpoint = settings.endpoint;
    if (endpoint.ends_with('/')) endpoint.pop_back();
    const Result<Url> url = parse_url(endpoint);
    const Checked allowed = url ? check_transport(*url, false) : Checked(url.error());
    if (!allowed)
      throw std::runtime_error(fmt::format("endpoint of account {}: {}", settings.name, allowed.error().message));
    if (endpoint.size() != url->origin.size()) {
      throw std::runtime_error(
          fmt::format("endpoint of account {}: it should be {} with nothing after it", settings.name, url->origin));
    }
    auto account = std::make_shared<Account>();
    account->url = endpoint + '/';
    account->host = url->authority;
    account->settings = std::move(settings);
    table[account->settings.name] = account;
  }
  accounts_ = std::move(table);
  http_.read_files_again();
}

HttpRequest CurlApi::request_of(Account& account, const Credentials& credentials, const Target& target) const {
  HttpRequest request;
  request.method = "POST";
  request.url = account.url;
  request.deadline = account.settings.timeout;
  request.ca_file = account.settings.ca_file;
  request.body = body_of(target);

  const int64_t timestamp = std::chrono::floor<std::chrono::seconds>(clock_.wall()).time_since_epoch().count();
  Tc3Request signed_parts;
  signed_parts.content_type = kContentType;
  signed_parts.host = account.host;
  signed_parts.body = request.body;
  request.headers.reserve(10);
  const auto add = [&request](const char* name, std::string value) {
    request.headers.push_back({name, std::move(value)});
  };
  add("Host", account.host);
  add("Content-Type", std::string(kContentType));
  add("Authorization", account.signer.sign(credentials.generation, credentials.secret_id, credentials.secret_key,
                                           timestamp, signed_parts));
  add("X-TC-Action", std::string(kAction));
  add("X-TC-Version", std::string(kVersion));
  add("X-TC-Timestamp", std::to_string(timestamp));
  add("X-TC-Region", target.region);
  add("X-TC-Language", "en-US");
  add("X-TC-RequestClient", std::string(kRequestClient));
  if (!credentials.token.empty()) add("X-TC-Token", std::string(credentials.token.reveal()));
  return request;
}

void CurlApi::start(const ApiCall& call, Callback done) {
  const auto found = accounts_.find(call.target.account);
  if (found == accounts_.end()) {
    ready_.push_back({std::move(done),
                      error_answer("Client.NoCredentials", "the configuration has no account " + call.target.account)});
    return;
  }
  const std::shared_ptr<Account> account = found->second;
  const auto credentials = account->settings.credentials->current();
  if (!credentials) {
    account->settings.credentials->refused(0);
    ready_.push_back({std::move(done), error_answer("Client.NoCredentials", credentials.error().message)});
    return;
  }
  const uint64_t generation = (*credentials)->generation;
  HttpRequest request = request_of(*account, **credentials, call.target);
  request.new_connection = call.new_connection;
  http_.start(std::move(request), [this, account, generation, done = std::move(done)](HttpResponse response) {
    ApiAnswer answer = answer_of(response, clock_.wall());
    wipe(response.body);  // it holds the signed link
    if (answer.refresh_credentials) account->settings.credentials->refused(generation);
    done(std::move(answer));
  });
}

void CurlApi::turn(Millis at_most) {
  http_.turn(ready_.empty() ? at_most : Millis{0});
  for (std::size_t left = ready_.size(); left > 0; --left) {
    Ready ready = std::move(ready_.front());
    ready_.pop_front();
    ready.done(std::move(ready.answer));
  }
}

void CurlApi::wake() { http_.wake(); }
std::size_t CurlApi::in_flight() const { return http_.in_flight() + ready_.size(); }

}  // namespace codedriftd
