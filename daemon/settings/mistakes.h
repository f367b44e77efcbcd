#pragma once
#include <map>
#include <string>
#include <vector>

#include "settings/settings.h"

namespace codedriftd {

/// Collects what is wrong while files are read. One thread.
class Mistakes {
 public:
  void add(Place place, std::string message) { found_.push_back({std::move(place), std::move(message)}); }
  /// Files in the order they are read: the order mistakes are told in.
  void add_file(const std::string& name) { order_.emplace(name, order_.size()); }
  bool empty() const { return found_.empty(); }
  /// In order of file, line and column, without repetitions (a bad default is found once for each function it reaches).
  std::vector<Mistake> take();

 private:
  std::vector<Mistake> found_;
  std::map<std::string, std::size_t> order_;
};

/// A foreign value as a message shows it: in double quotes, harmless, at most 80 bytes of it.
std::string in_quotes(std::string_view value);

}  // namespace codedriftd
