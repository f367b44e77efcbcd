#include "scf/signed_calls.h"

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "base/secret.h"
#include "base/url.h"
#include "cloud/tc3.h"
#include "model/target.h"

namespace codedriftd {
namespace {

constexpr std::string_view kContentType = "application/json";
constexpr std::string_view kRequestClient = "codedriftd_" CODEDRIFTD_VERSION;
constexpr std::string_view kAuditService = "cloudaudit";

/// Where calls of one service go.
struct Place {
  std::string url;
  std::string host;  ///< the Host header, which is signed
};

Place place_of(std::string_view what, const std::string& account, std::string endpoint) {
  if (endpoint.ends_with('/')) endpoint.pop_back();
  const Result<Url> url = parse_url(endpoint);
  const Checked allowed = url ? check_transport(*url, false) : Checked(url.error());
  if (!allowed) {
    throw std::runtime_error(fmt::format("{} of account {}: {}", what, account, allowed.error().message));
  }
  if (endpoint.size() != url->origin.size()) {
    throw std::runtime_error(
        fmt::format("{} of account {}: it should be {} with nothing after it", what, account, url->origin));
  }
  return {endpoint + '/', url->authority};
}

}  // namespace

std::string audit_endpoint_beside(std::string_view endpoint) {
  constexpr std::string_view kBefore = "://scf.";
  const auto at = endpoint.find(kBefore);
  if (at == std::string_view::npos || at != endpoint.find("://")) return std::string(endpoint);
  return fmt::format("{}://{}.{}", endpoint.substr(0, at), kAuditService, endpoint.substr(at + kBefore.size()));
}

struct SignedCalls::Account {
  ApiAccount settings;
  Place scf, audit;
  Tc3Signer signer;

  const Place& place(std::string_view service) const { return service == kAuditService ? audit : scf; }
};

SignedCalls::SignedCalls(const Clock& clock) : clock_(clock) {}
SignedCalls::~SignedCalls() = default;

void SignedCalls::set_accounts(std::vector<ApiAccount> accounts) {
  std::map<std::string, std::shared_ptr<Account>, std::less<>> table;
  for (ApiAccount& settings : accounts) {
    auto account = std::make_shared<Account>();
    account->scf = place_of("endpoint", settings.name, settings.endpoint);
    account->audit =
        place_of("audit endpoint", settings.name,
                 settings.audit_endpoint.empty() ? audit_endpoint_beside(settings.endpoint) : settings.audit_endpoint);
    account->settings = std::move(settings);
    table[account->settings.name] = account;
  }
  accounts_ = std::move(table);
  http_.read_files_again();
}

HttpRequest SignedCalls::request_of(Account& account, const Credentials& credentials, Call& call) const {
  const ActionTraits& action = traits(call.action);
  const Place& place = account.place(action.service);
  HttpRequest request;
  request.method = "POST";
  request.url = place.url;
  request.deadline = call.at_most.value_or(account.settings.timeout);
  request.ca_file = account.settings.ca_file;
  request.body = std::move(call.body);
  request.body_cap = call.body_cap;
  request.new_connection = call.new_connection;

  const int64_t timestamp = std::chrono::floor<std::chrono::seconds>(clock_.wall()).time_since_epoch().count();
  Tc3Request signed_parts;
  signed_parts.content_type = kContentType;
  signed_parts.host = place.host;
  signed_parts.body = request.body;
  request.headers.reserve(10);
  const auto add = [&request](const char* name, std::string value) {
    request.headers.push_back({name, std::move(value)});
  };
  add("Host", place.host);
  add("Content-Type", std::string(kContentType));
  add("Authorization", account.signer.sign(action.service, credentials.generation, credentials.secret_id,
                                           credentials.secret_key, timestamp, signed_parts));
  add("X-TC-Action", std::string(action.name));
  add("X-TC-Version", std::string(action.version));
  add("X-TC-Timestamp", std::to_string(timestamp));
  add("X-TC-Region", call.region);
  add("X-TC-Language", "en-US");
  add("X-TC-RequestClient", std::string(kRequestClient));
  if (!credentials.token.empty()) add("X-TC-Token", std::string(credentials.token.reveal()));
  return request;
}

void SignedCalls::start(Call call, Callback done) {
  if (!valid_part(call.region)) throw std::logic_error("a region that is not valid reached the API client");
  const auto found = accounts_.find(call.account);
  if (found == accounts_.end()) {
    unsent_.push_back(
        {std::move(done), api_error("Client.NoCredentials", "the configuration has no account " + call.account)});
    return;
  }
  const std::shared_ptr<Account> account = found->second;
  const auto credentials = account->settings.credentials->current();
  if (!credentials) {
    account->settings.credentials->refused(0);
    unsent_.push_back({std::move(done), api_error("Client.NoCredentials", credentials.error().message)});
    return;
  }
  const uint64_t generation = (*credentials)->generation;
  http_.start(request_of(*account, **credentials, call), [this, account, generation,
                                                          done = std::move(done)](HttpResponse response) {
    done({std::nullopt, response, clock_.wall(), [&] { account->settings.credentials->refused(generation); }});
    wipe(response.body);  // signed links, environment variables
  });
}

void SignedCalls::turn(Millis at_most) {
  http_.turn(unsent_.empty() ? at_most : Millis{0});
  for (std::size_t left = unsent_.size(); left > 0; --left) {
    Unsent unsent = std::move(unsent_.front());
    unsent_.pop_front();
    unsent.done({std::move(unsent.error), HttpResponse{}, clock_.wall(), [] {}});
  }
}

void SignedCalls::wake() { http_.wake(); }
std::size_t SignedCalls::in_flight() const { return http_.in_flight() + unsent_.size(); }

Millis SignedCalls::timeout(std::string_view account) const {
  const auto found = accounts_.find(account);
  return found == accounts_.end() ? Millis{0} : found->second->settings.timeout;
}

std::string SignedCalls::limit_key(std::string_view account) const {
  const auto found = accounts_.find(account);
  if (found == accounts_.end()) return {};
  const auto credentials = found->second->settings.credentials->current();
  // Temporary keys have another id every time.
  const bool lasting = credentials && (*credentials)->token.empty();
  return fmt::format("{}\n{}", found->second->scf.host,
                     lasting ? "id " + (*credentials)->secret_id : "account " + std::string(account));
}

}  // namespace codedriftd
