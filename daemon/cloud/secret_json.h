#pragma once
#include <simdjson.h>

#include <string>
#include <string_view>

namespace codedriftd {

/// A parser for JSON that holds secrets (signed URLs, keys): every buffer it has put them in is overwritten by `wipe`,
/// and when it dies. The buffers themselves are kept for the next document. One thread.
class SecretJson {
 public:
  SecretJson() = default;
  ~SecretJson() { wipe(); }
  SecretJson(const SecretJson&) = delete;
  SecretJson& operator=(const SecretJson&) = delete;

  /// The whole document, valid until the next call of this object.
  simdjson::simdjson_result<simdjson::dom::element> parse(std::string_view text);
  void wipe();

 private:
  simdjson::dom::parser parser_;
  std::string text_;      ///< a copy with the padding simdjson wants; it would make its own, out of our reach
  std::size_t used_ = 0;  ///< bytes of the largest document since the last wipe
};

}  // namespace codedriftd
