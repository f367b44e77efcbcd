#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attribution/audit_job.h"
#include "base/json.h"
#include "discovery/catalogue.h"

namespace codedriftd::test {

/// An audit log that gives what it holds of the time that is asked for, in pages of `page` records.
struct AuditLog {
  std::vector<ChangeRecord> records;
  std::size_t page = 50;
  std::string refuses;  ///< with this code
  std::vector<ReadCall> calls;

  void add(const std::string& function, WallTime at, const std::string& principal = "alice",
           const std::string& error = {}) {
    ChangeRecord record;
    record.event_id = "e-" + std::to_string(records.size());
    record.action = "UpdateFunctionCode";
    record.time = at;
    record.principal_type = "sub-user";
    record.principal = principal;
    record.error_code = error;
    record.region = "ap-guangzhou";
    record.function = function;
    records.push_back(record);
  }
  ReadAnswer answer(const ReadCall& call) {
    calls.push_back(call);
    if (!refuses.empty()) return read_refused(refuses);
    const Json body = parse_json(call.body);
    const WallTime from{std::chrono::seconds(body.at("StartTime").get<int64_t>())};
    const WallTime to{std::chrono::seconds(body.at("EndTime").get<int64_t>())};
    std::vector<ChangeRecord> asked;
    for (const ChangeRecord& record : records) {
      if (record.time >= from && record.time <= to) asked.push_back(record);
    }
    const auto begin = body.contains("NextToken") ? body.at("NextToken").get<std::size_t>() : 0;
    AuditPage answer;
    for (std::size_t i = begin; i < std::min(begin + page, asked.size()); ++i) answer.records.push_back(asked[i]);
    if (begin + page < asked.size()) answer.next = std::to_string(begin + page);
    return read_ok(answer);
  }
};

}  // namespace codedriftd::test
