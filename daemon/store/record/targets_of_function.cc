/// The targets of a function, as a listing asks for them.
#include <algorithm>

#include "store/record/targets.h"

namespace codedriftd::targets {
namespace {

std::vector<OfFunction> read_of_function(Query q) {
  enum Of : int {
    kOfId,
    kOfAccount,
    kOfRegion,
    kOfNamespace,
    kOfName,
    kOfQualifier,
    kOfFunctionId,
    kOfAddedAt,
    kOfModifiedAt,
    kOfTouched,
    kOfFailures,
    kOfMissing
  };
  std::vector<OfFunction> rows;
  while (q.step()) {
    rows.push_back(
        {q.integer(kOfId),
         {q.string(kOfAccount), q.string(kOfRegion), q.string(kOfNamespace), q.string(kOfName), q.string(kOfQualifier)},
         {q.string(kOfFunctionId), q.optional_time(kOfAddedAt), q.optional_time(kOfModifiedAt)},
         q.boolean(kOfTouched),
         static_cast<unsigned>(q.integer(kOfFailures)),
         q.boolean(kOfMissing)});
  }
  // There are few of one function: sorted here, the index serves for the rest.
  std::stable_sort(rows.begin(), rows.end(),
                   [](const OfFunction& a, const OfFunction& b) { return a.target < b.target; });
  return rows;
}

}  // namespace

std::vector<OfFunction> watched_in(Database& db, std::string_view account, std::string_view region) {
  return read_of_function(
      db.query("SELECT id, account, region, namespace, function, qualifier, function_id, added_at_ms, modified_at_ms, "
               "touched, consecutive_failures, missing FROM target WHERE account = ? AND region = ? AND watched = 1",
               account, region));
}

std::vector<OfFunction> watched_of(Database& db, std::string_view account, std::string_view region, std::string_view ns,
                                   std::string_view function) {
  return read_of_function(db.query(
      "SELECT id, account, region, namespace, function, qualifier, function_id, added_at_ms, modified_at_ms, "
      "touched, consecutive_failures, missing FROM target WHERE account = ? AND region = ? AND namespace = ? AND "
      "function = ? AND watched = 1",
      account, region, ns, function));
}

}  // namespace codedriftd::targets
