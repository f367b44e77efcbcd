#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace codedriftd::test {

template <typename T>
struct Scripted {
  T what;
  unsigned left = 0;  ///< 0: until cleared
};

/// By target; "*" stands for all.
template <typename T>
using Script = std::map<std::string, Scripted<T>>;

/// What is scripted for the first of `keys` for which something is; counts it down.
template <typename T>
std::optional<T> next(Script<T>& script, const std::vector<std::string>& keys) {
  if (script.empty()) return std::nullopt;
  for (const std::string& key : keys) {
    const auto found = script.find(key);
    if (found == script.end()) continue;
    T what = found->second.what;
    if (found->second.left == 1) {
      script.erase(found);
    } else if (found->second.left > 1) {
      --found->second.left;
    }
    return what;
  }
  return std::nullopt;
}

/// What is scripted for a target, or for all; counts it down.
template <typename T>
std::optional<T> next(Script<T>& script, const std::string& target) {
  return next(script, std::vector<std::string>{target, "*"});
}

}  // namespace codedriftd::test
