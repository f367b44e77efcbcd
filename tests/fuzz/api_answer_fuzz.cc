// Arbitrary bytes as the API's answer: never a crash, never a hash that was not there, and only clean text comes out.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "scf/api.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using codedriftd::Outcome;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const int status : {200, 500}) {
    const codedriftd::ApiAnswer answer = codedriftd::read_answer(body, status);
    const codedriftd::Observation& seen = answer.observation;
    if (seen.sha256.has_value() != (seen.outcome == Outcome::observed)) std::abort();
    if (seen.error.code.empty() != (seen.outcome == Outcome::observed)) std::abort();
    if (seen.outcome == Outcome::observed && (status != 200 || size < 64)) std::abort();
    if (seen.error.code.size() > 128 || seen.error.message.size() > 4000 || seen.error.request_id.size() > 400)
      std::abort();
    for (const std::string& text : {seen.error.code, seen.error.message, seen.error.request_id}) {
      if (!codedriftd::valid_utf8(text)) std::abort();
    }
  }
  return 0;
}
