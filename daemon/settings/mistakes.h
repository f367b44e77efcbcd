#pragma once
#include <map>
#include <string>
#include <vector>

#include "settings/place.h"

namespace codedriftd {

/// Collects what is wrong while files are read. One thread.
class Mistakes {
 public:
  void add(Place place, std::string message) { found_.push_back({std::move(place), std::move(message)}); }
  /// Files in the order they are read: the order mistakes are told in.
  void add_file(const std::string& name) { order_.emplace(name, order_.size()); }
  /// What is allowed, and hardly meant: it does not refuse the configuration.
  void warn(Place place, std::string message) { warnings_.push_back({std::move(place), std::move(message)}); }
  bool empty() const { return found_.empty(); }
  /// In order of file, line and column, without repetitions (a bad default is found once for each function it reaches).
  std::vector<Mistake> take() { return in_order(std::move(found_)); }
  std::vector<Mistake> take_warnings() { return in_order(std::move(warnings_)); }

 private:
  std::vector<Mistake> in_order(std::vector<Mistake> list) const;

  std::vector<Mistake> found_, warnings_;
  std::map<std::string, std::size_t> order_;
};

/// A foreign value as a message shows it: in double quotes, harmless, at most 80 bytes of it.
std::string in_quotes(std::string_view value);

}  // namespace codedriftd
