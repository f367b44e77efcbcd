#include "store/statements.h"

#include <sqlite3.h>

namespace codedriftd::test {
namespace {

sqlite3* last_opened = nullptr;

int remember(sqlite3* db, char**, const sqlite3_api_routines*) {
  last_opened = db;
  return SQLITE_OK;
}
using Entry = void (*)();

}  // namespace

Statements::Statements() { sqlite3_auto_extension(reinterpret_cast<Entry>(remember)); }
Statements::~Statements() { sqlite3_cancel_auto_extension(reinterpret_cast<Entry>(remember)); }

std::vector<std::pair<std::string, std::string>> Statements::steps() {
  std::vector<std::string> texts;
  for (sqlite3_stmt* s = sqlite3_next_stmt(last_opened, nullptr); s != nullptr; s = sqlite3_next_stmt(last_opened, s)) {
    texts.emplace_back(sqlite3_sql(s));
  }
  std::vector<std::pair<std::string, std::string>> steps;
  for (const std::string& text : texts) {
    sqlite3_stmt* plan = nullptr;
    if (sqlite3_prepare_v2(last_opened, ("EXPLAIN QUERY PLAN " + text).c_str(), -1, &plan, nullptr) != SQLITE_OK)
      continue;
    while (sqlite3_step(plan) == SQLITE_ROW)
      steps.emplace_back(text, reinterpret_cast<const char*>(sqlite3_column_text(plan, 3)));
    sqlite3_finalize(plan);
  }
  return steps;
}

std::vector<std::string> Statements::plans_over(std::string_view table) const {
  std::vector<std::string> found;
  for (const auto& [text, step] : steps()) {
    if ((step + ' ').find(' ' + std::string(table) + ' ') != std::string::npos) found.push_back(text + ": " + step);
  }
  return found;
}

std::vector<std::string> Statements::slow_plans() const {
  std::vector<std::string> slow;
  for (const auto& [text, step] : steps()) {
    const bool scan = step.starts_with("SCAN") && !step.starts_with("SCAN CONSTANT");
    if (scan || step.find("TEMP B-TREE") != std::string::npos) slow.push_back(text + ": " + step);
  }
  return slow;
}

}  // namespace codedriftd::test
