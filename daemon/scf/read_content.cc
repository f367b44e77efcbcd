#include "scf/read_content.h"

#include <stdexcept>
#include <utility>

#include "base/secret.h"
#include "base/text.h"
#include "cloud/secret_json.h"
#include "scf/response_body.h"

namespace codedriftd {
namespace {

ReadContent content_of(Action action, const Members& response) {
  switch (action) {
    case Action::get_account:
      return account_usage(response);
    case Action::list_namespaces:
      return namespace_page(response);
    case Action::list_functions:
      return function_page(response);
    case Action::list_versions:
      return version_page(response);
    case Action::list_aliases:
      return alias_page(response);
    case Action::get_alias:
      return found_alias(response);
    case Action::get_function:
      return function_detail(response);
    case Action::get_layer_version:
      return layer_version(response);
    case Action::describe_events:
      return audit_page(response);
    case Action::get_function_address:
      break;
  }
  throw std::logic_error("GetFunctionAddress is read by read_answer()");
}

ReadAnswer read_body(SecretJson& parser, Action action, std::string_view body, int http_status) {
  ResponseBody opened = open_body(parser, body, http_status);
  if (opened.error) return read_error(*std::move(opened.error));
  Complaint complaint;
  ReadAnswer answer;
  answer.content = content_of(action, Members(opened.response, {}, complaint));
  if (complaint.any()) return read_error(bad_answer("the answer's " + complaint.text(), opened.request_id));
  answer.error.request_id = clean_utf8(opened.request_id, 100);
  answer.meaning = CodeMeaning{Outcome::observed, "", false, false, false, false, true};
  return answer;
}

}  // namespace

ReadAnswer read_error(ApiError error) {
  ReadAnswer answer;
  answer.error = std::move(error.error);
  answer.meaning = error.meaning;
  return answer;
}

ReadAnswer read_content(Action action, std::string_view body, int http_status) {
  thread_local SecretJson parser;  // its buffers are worth keeping, but not the environment variables in them
  // However it ends: memory may run out in the midst of an answer.
  struct Wipe {
    ~Wipe() {
      parser.wipe();
      wipe_stack();
    }
  } wipe;
  return read_body(parser, action, body, http_status);
}

ReadAnswer read_answer_of(Action action, const HttpResponse& response, WallTime received) {
  ReadAnswer answer = response.failure == HttpFailure::none ? read_content(action, response.body, response.status)
                                                            : read_error(no_answer(response));
  const auto clock_error = clock_error_of(response, received);
  if (auto blamed = blame_clock(answer.error, clock_error)) answer = read_error(*std::move(blamed));
  answer.clock_error = clock_error;
  answer.took = response.took;
  return answer;
}

}  // namespace codedriftd
