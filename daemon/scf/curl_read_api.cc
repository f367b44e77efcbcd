#include "scf/curl_read_api.h"

#include <stdexcept>
#include <utility>

#include "scf/read_content.h"

namespace codedriftd {

void CurlReadApi::start(const ReadCall& call, Callback done) {
  if (call.action == Action::get_function_address) {
    throw std::logic_error("GetFunctionAddress is the poll's, and its answer read elsewhere");
  }
  calls_.start({.action = call.action,
                .account = call.account,
                .region = call.region,
                .body = call.body,
                .new_connection = call.new_connection,
                .body_cap = kReadBodyCap},
               [action = call.action, done = std::move(done)](const SignedCalls::Reply& reply) {
                 ReadAnswer answer = reply.not_sent ? read_error(*reply.not_sent)
                                                    : read_answer_of(action, reply.response, reply.received);
                 if (answer.meaning.refresh_credentials) reply.credentials_refused();
                 done(std::move(answer));
               });
}

}  // namespace codedriftd
