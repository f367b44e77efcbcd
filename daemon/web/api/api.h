#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "status/web.h"
#include "store/db/database.h"

namespace codedriftd {

/// /openapi.json, which describes the API and is the same for everybody; nullopt: another path.
std::optional<WebReply> answer_description(const WebRequest& request);

/// /api/v1/REPORT for each of kApiReports: what `query REPORT --json` prints, from the same code. `path` of the request
/// is one of them, or nothing that there is. The values are parameters
/// as in audit/query/parameters.h, a switch as `true`, `false` or nothing, and `format`. What cannot be answered is an
/// application/problem+json: 400 for a parameter, 404 for a path and for what nothing has. Throws StoreError for a
/// record that cannot be read, and std::runtime_error for a row that cannot.
WebReply answer_api(Database& db, const WebRequest& request, WallTime now);

inline constexpr std::array<std::string_view, 6> kApiReports{"status", "history",  "events",
                                                             "alerts", "coverage", "inventory"};
inline constexpr std::array<std::string_view, 3> kApiFormats{"json", "ndjson", "csv"};

/// Of what grows with time the newest rows are given: so many where no `limit` is asked for, and so many at most. A
/// reply that has as many rows as it may have says so in the header X-Limit.
inline constexpr int64_t kUsualLimit = 1'000, kHighestLimit = 10'000;
constexpr bool grows_with_time(std::string_view report) {
  return report == "history" || report == "events" || report == "alerts";
}

/// True if /api/v1/`report` takes `parameter`.
bool takes_parameter(std::string_view report, std::string_view parameter);

}  // namespace codedriftd
