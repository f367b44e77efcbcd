#pragma once
#include <map>
#include <optional>
#include <string>

namespace codedriftd::test {

template <typename T>
struct Scripted {
  T what;
  unsigned left = 0;  ///< 0: until cleared
};

/// By target; "*" stands for all.
template <typename T>
using Script = std::map<std::string, Scripted<T>>;

/// What is scripted for a target, or for all; counts it down.
template <typename T>
std::optional<T> next(Script<T>& script, const std::string& target) {
  auto found = script.find(target);
  if (found == script.end()) found = script.find("*");
  if (found == script.end()) return std::nullopt;
  T what = found->second.what;
  if (found->second.left == 1) {
    script.erase(found);
  } else if (found->second.left > 1) {
    --found->second.left;
  }
  return what;
}

}  // namespace codedriftd::test
