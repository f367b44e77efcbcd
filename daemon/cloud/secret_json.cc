#include "cloud/secret_json.h"

#include <openssl/crypto.h>

#include <algorithm>

namespace codedriftd {
namespace {

/// simdjson looks at a document in steps of this many bytes at most, and copies the last one to its stack, where
/// nobody overwrites it: white space behind the document, so that it is this that is left there.
constexpr std::size_t kLastStep = 128;

}  // namespace

simdjson::simdjson_result<simdjson::dom::element> SecretJson::parse(std::string_view text) {
  wipe();
  text_.reserve(text.size() + kLastStep + simdjson::SIMDJSON_PADDING);
  text_.assign(text);
  text_.append(kLastStep, ' ');
  used_ = text_.size();
  return parser_.parse(text_.data(), text_.size(), false);
}

void SecretJson::wipe() {
  OPENSSL_cleanse(text_.data(), text_.capacity());
  text_.clear();
  // Each string of a document of n bytes is copied there behind a length of four bytes, with a NUL after it: less than
  // 5 * n / 3 + 64 bytes together, which is what simdjson allocates.
  const std::size_t copied = std::min(used_, parser_.doc.capacity());
  if (parser_.doc.string_buf != nullptr && copied > 0) {
    OPENSSL_cleanse(parser_.doc.string_buf.get(), 5 * copied / 3 + simdjson::SIMDJSON_PADDING);
  }
  used_ = 0;
}

}  // namespace codedriftd
