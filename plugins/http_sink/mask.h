#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace codedriftd::http_sink {

/// Takes secrets out of text from outside before it is stored or shown: a receiver may repeat what it was sent.
class Mask {
 public:
  /// What must not be seen. Less than four bytes are ignored: they would blot out half of every text.
  void add(std::string_view secret);
  /// All of a URL but its host: the whole path and the longer parts of it, the query string and its values.
  void add_url(std::string_view url);
  /// `text` with each of them replaced by "***", also where a JSON writer has put a backslash before each slash.
  std::string apply(std::string_view text) const;

 private:
  std::vector<std::string> secrets_;  ///< longest first, so that no part of one is left over
};

}  // namespace codedriftd::http_sink
