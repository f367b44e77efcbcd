#pragma once
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "store/db/database.h"
#include "support/receiver.h"

namespace codedriftd::test {

/// Success if the database is whole (integrity_check), `seq` counts from 0 without a gap, and every event's leaf hash,
/// `seq`, `id` and `kind` are those of its body.
testing::AssertionResult whole_record(const std::string& database);

/// The same of a record on a server, whose integrity is its own.
testing::AssertionResult whole_log(Database& db);

/// Success if all copies of one webhook-id are the same bytes, and none is unsigned or signed wrongly.
testing::AssertionResult same_bytes_under_one_id(const std::vector<ReceivedRequest>& requests, std::string_view secret);

/// The ids of the events that a message tells of (`data` of its CloudEvent), by target.
std::map<std::string, std::vector<std::string>> told_by(const Json& alert);

/// Rows in the tables that grow with what happens, by table.
std::map<std::string, int64_t> row_counts(const std::string& database);

/// Every file of a folder, all bytes, one after the other.
std::string all_bytes(const std::string& folder);

}  // namespace codedriftd::test
