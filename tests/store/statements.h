#pragma once
#include <string>
#include <vector>

namespace codedriftd::test {

/// While it lives, remembers the connection that this process opened last, to look at the statements it keeps.
class Statements {
 public:
  Statements();
  ~Statements();
  Statements(const Statements&) = delete;

  /// The plans of all kept statements that read a table whole or sort on the side: "SQL: what it does".
  std::vector<std::string> slow_plans() const;
};

}  // namespace codedriftd::test
