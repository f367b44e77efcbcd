#include "model/attribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "base/json.h"
#include "base/text.h"
#include "model/target.h"

namespace codedriftd {
namespace {

constexpr std::array<std::string_view, 3> kGrades{"one", "several", "none"};
/// Bytes of one text of a record that are told. An event's body has room for 16 records whose texts are as long as this
/// and have to be escaped.
constexpr std::size_t kLongestText = 120;

std::string cut(std::string_view text) { return std::string(utf8_prefix(harmless(text), kLongestText)); }

/// Foreign text within a sentence: what could be taken for the sentence's own words stands in quotes.
std::string foreign(std::string_view text) {
  std::string safe = cut(text);
  if (safe.find_first_of(" \"") == std::string::npos) return safe;
  std::replace(safe.begin(), safe.end(), '"', '\'');
  return '"' + safe + '"';
}

/// "sub-user X from IP (console)"
std::string who_called(const ChangeRecord& record) {
  std::string words = foreign(record.principal_type);
  if (!record.principal.empty() && record.principal != record.principal_type)
    words += (words.empty() ? "" : " ") + foreign(record.principal);
  if (words.empty()) words = "somebody it does not name";
  if (!record.source_ip.empty()) words += " from " + foreign(record.source_ip);
  if (record.console) words += " (console)";
  return words;
}

std::string request_of(const ChangeRecord& record) {
  return record.request_id.empty() ? std::string() : ", request " + foreign(record.request_id);
}

std::string words_of(const SeenChange& change, Millis around, const std::vector<ChangeRecord>& records,
                     WallTime asked_at) {
  if (records.empty())
    return fmt::format("No record found as of {}; records can be late or absent.", rfc3339(asked_at));
  const ChangeRecord& last = records.back();
  const std::string where = fmt::format("{} between {} and {}", foreign(change.function), rfc3339(change.from - around),
                                        rfc3339(change.to + around));
  if (records.size() == 1) {
    return fmt::format("The only recorded {} of {}: {} by {}{}.",
                       change.kind == ChangeKind::code ? "code change" : "change", where, foreign(last.action),
                       who_called(last), request_of(last));
  }
  return fmt::format("{} recorded changes of {}, the last by {}: {}{}.", records.size(), where, who_called(last),
                     foreign(last.action), request_of(last));
}

/// What calls name the target by that a change was seen of.
std::string_view part_of(const SeenChange& change) {
  const std::string_view qualifier = change.qualifier;
  switch (kind_of_qualifier(qualifier)) {
    case TargetKind::alias:
      return qualifier.substr(kAliasPrefix.size());
    case TargetKind::layers:
    case TargetKind::image:
      return kLatestQualifier;
    case TargetKind::code:
      break;
  }
  return qualifier;
}

/// A call that names no version and no alias is about the whole function; and any one may move its ModTime.
bool is_of_part(const ChangeRecord& record, const SeenChange& change) {
  if (record.qualifier.empty() || change.kind == ChangeKind::touched) return true;
  return record.qualifier == (change.kind == ChangeKind::recreated ? kLatestQualifier : part_of(change));
}

bool is_about(const ChangeRecord& record, const SeenChange& change, Millis around) {
  const std::string_view ns = record.ns.empty() ? std::string_view("default") : std::string_view(record.ns);
  return !record.function.empty() && record.function == change.function && ns == change.ns &&
         record.region == change.region && is_of_part(record, change) && record.time >= change.from - around &&
         record.time <= change.to + around;
}

std::string how_many(std::size_t count, std::string_view one, std::string_view several) {
  if (count == 0) return {};
  return count == 1 ? std::string(one) : fmt::format(fmt::runtime(several), count);
}

Json record_json(const ChangeRecord& record) {
  Json json{{"event_id", cut(record.event_id)},
            {"action", cut(record.action)},
            {"time", rfc3339(record.time)},
            {"principal_type", or_null(cut(record.principal_type))},
            {"principal", or_null(cut(record.principal))},
            {"key_suffix", or_null(cut(record.key_suffix))},
            {"source_ip", or_null(cut(record.source_ip))},
            {"user_agent", or_null(cut(record.user_agent))},
            {"request_id", or_null(cut(record.request_id))},
            {"console", record.console}};
  if (!record.error_code.empty()) json["error_code"] = cut(record.error_code);
  return json;
}

/// The newest ones, oldest first; how many there are before them is added to `left_out`.
Json newest(const std::vector<ChangeRecord>& records, std::size_t& left_out) {
  Json list = Json::array();
  const std::size_t first = records.size() - std::min(records.size(), kMostTold);
  for (std::size_t i = first; i < records.size(); ++i) list.push_back(record_json(records[i]));
  left_out += first;
  return list;
}

}  // namespace

std::string_view to_string(Attribution::Grade grade) { return kGrades[static_cast<std::size_t>(grade)]; }

std::optional<Attribution::Grade> parse_grade(std::string_view name) {
  const auto found = std::find(kGrades.begin(), kGrades.end(), name);
  if (found == kGrades.end()) return std::nullopt;
  return static_cast<Attribution::Grade>(found - kGrades.begin());
}

namespace {

/// The records about `change`, not further than `around` it, those that succeeded and those that failed.
Attribution records_of(const SeenChange& change, Millis around, const std::vector<ChangeRecord>& records) {
  Attribution found;
  std::set<std::string_view> known;
  for (const ChangeRecord& record : records) {
    if (part_in(change.kind, record.action) == Part::none || !is_about(record, change, around)) continue;
    if (!record.event_id.empty() && !known.insert(record.event_id).second) continue;
    (record.error_code.empty() ? found.records : found.failed).push_back(record);
  }
  const auto only_helps = [&](const ChangeRecord& record) {
    return part_in(change.kind, record.action) == Part::helps;
  };
  if (std::all_of(found.records.begin(), found.records.end(), only_helps)) {
    found.records.clear();
    std::erase_if(found.failed, only_helps);
  }
  for (auto* list : {&found.records, &found.failed}) {
    std::sort(list->begin(), list->end(), [](const ChangeRecord& a, const ChangeRecord& b) {
      return std::tie(a.time, a.event_id) < std::tie(b.time, b.event_id);
    });
  }
  // What helps comes before what it helps. Within one second there is no order.
  const auto last = std::find_if_not(found.records.rbegin(), found.records.rend(), only_helps);
  if (last != found.records.rend()) {
    const WallTime made = last->time;
    std::erase_if(found.records, [&](const ChangeRecord& record) { return record.time > made; });
  }
  return found;
}

}  // namespace

Attribution attribute(const SeenChange& change, const std::vector<ChangeRecord>& records,
                      const std::vector<std::string>& deploy_principals, WallTime asked_at) {
  // A call between the two sights comes before all around them: who put things right a minute later did not change
  // them.
  Millis around = kClockSlack;
  Attribution found = records_of(change, around, records);
  if (found.records.empty()) found = records_of(change, around = kAuditSlack, records);
  found.grade = found.records.empty()       ? Attribution::Grade::none
                : found.records.size() == 1 ? Attribution::Grade::one
                                            : Attribution::Grade::several;
  found.by_deploy_principal = !found.records.empty() &&
                              std::all_of(found.records.begin(), found.records.end(), [&](const ChangeRecord& record) {
                                return std::find(deploy_principals.begin(), deploy_principals.end(),
                                                 record.principal) != deploy_principals.end();
                              });
  found.words = words_of(change, around, found.records, asked_at);
  return found;
}

std::string summary_of(const Attribution& attribution) {
  std::string words = attribution.words;
  if (attribution.by_deploy_principal) words += " That is one of the account's deploy_principals.";
  const auto unread = static_cast<std::size_t>(
      std::count_if(attribution.failed.begin(), attribution.failed.end(),
                    [](const ChangeRecord& record) { return record.error_code == kOutcomeUnread; }));
  words +=
      how_many(attribution.failed.size() - unread, " One call of the kind failed.", " {} calls of the kind failed.");
  words += how_many(unread, " Of one call of the kind it is not told whether it succeeded.",
                    " Of {} calls of the kind it is not told whether they succeeded.");
  return words;
}

JsonBox to_json(const Attribution& attribution, WallTime asked_at) {
  std::size_t left_out = 0;
  Json json{{"grade", to_string(attribution.grade)},
            {"words", attribution.words},
            {"by_deploy_principal", attribution.by_deploy_principal},
            {"asked_at", rfc3339(asked_at)}};
  json["records"] = newest(attribution.records, left_out);
  json["failed"] = newest(attribution.failed, left_out);
  if (left_out > 0) json["left_out"] = left_out;
  return json;
}

}  // namespace codedriftd
