#include "scf/curl_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include "scf/answer.h"

namespace codedriftd {
namespace {

/// The parts of a target are letters, digits and `_.$-`: nothing in them needs escaping.
std::string body_of(const Target& target) {
  return fmt::format(R"({{"FunctionName":"{}","Namespace":"{}","Qualifier":"{}"}})", target.function, target.ns,
                     target.qualifier);
}

}  // namespace

void CurlApi::set_accounts(std::vector<ApiAccount> accounts) {
  calls_.set_accounts(std::move(accounts));
  values_.accounts_changed();
}

void CurlApi::start(const ApiCall& call, Callback done) {
  const Target& target = call.target;
  for (const std::string* part : {&target.region, &target.ns, &target.function, &target.qualifier}) {
    if (!valid_part(*part)) throw std::logic_error("a target with a part that is not valid reached the API client");
  }
  if (kind_of_qualifier(target.qualifier) != TargetKind::code) return values_.start(call, std::move(done));
  calls_.start({.action = Action::get_function_address,
                .account = target.account,
                .region = target.region,
                .body = body_of(target),
                .new_connection = call.new_connection},
               [done = std::move(done)](const SignedCalls::Reply& reply) {
                 ApiAnswer answer =
                     reply.not_sent ? error_answer(*reply.not_sent) : answer_of(reply.response, reply.received);
                 if (answer.refresh_credentials) reply.credentials_refused();
                 done(std::move(answer));
               });
}

void CurlApi::turn(Millis at_most) {
  values_.turn();
  if (const MonoTime next = values_.next_at(); next != MonoTime::max()) {
    at_most = std::clamp(std::chrono::ceil<Millis>(next - clock_.mono()), Millis{0}, at_most);
  }
  calls_.turn(at_most);
}

}  // namespace codedriftd
