#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace codedriftd::test {

/// While it lives, remembers the connection that this process opened last, to look at the statements it keeps.
class Statements {
 public:
  Statements();
  ~Statements();
  Statements(const Statements&) = delete;

  /// The plans of all kept statements that read `table`, step by step: "SQL: what it does".
  std::vector<std::string> plans_over(std::string_view table) const;
  /// Those steps of all plans that read a table whole or sort on the side.
  std::vector<std::string> slow_plans() const;

 private:
  static std::vector<std::pair<std::string, std::string>> steps();
};

}  // namespace codedriftd::test
