#pragma once
/// What is asked of the site and what it answers, without the library that speaks HTTP.
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace codedriftd {

/// A GET (or HEAD) that was let through: who asks may see everything on the site.
struct WebRequest {
  std::string path;                                ///< decoded, beginning with '/'
  std::multimap<std::string, std::string> values;  ///< of the query string, decoded; foreign text
  std::string if_none_match;                       ///< the header, or empty

  /// The first value of `name`; empty if there is none.
  std::string value(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() ? "" : found->second;
  }
};

struct WebReply {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< beside, or instead of, those that every reply has
};

}  // namespace codedriftd
