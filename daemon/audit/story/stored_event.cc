#include "audit/story/stored_event.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "model/event.h"

namespace codedriftd {
namespace {

constexpr std::size_t kLongestBody = 60'000;
constexpr int kDeepest = 64;  // deeper would only serve to exhaust the stack

constexpr std::string_view kMembers[] = {"v",    "log",      "seq",   "id",     "time",
                                         "kind", "severity", "actor", "target", "data"};

Json parse(const std::string& body) {
  if (body.size() > kLongestBody) throw std::invalid_argument(fmt::format("it is {} bytes long", body.size()));
  return Json::parse(body, [](int depth, Json::parse_event_t, Json&) {
    if (depth > kDeepest) throw std::invalid_argument("it is nested too deep");
    return true;
  });
}

/// The name of the first member that is not as the columns say; empty: all are.
std::string difference(const Json& body, const StoredEvent& event) {
  if (!body.is_object()) return "it is not an object";
  for (const std::string_view name : kMembers) {
    if (!body.contains(name)) return fmt::format("it has no \"{}\"", name);
  }
  if (body.size() != std::size(kMembers)) return "it has members that do not belong there";
  const std::pair<const char*, Json> columns[] = {{"v", 1},
                                                  {"seq", event.seq},
                                                  {"id", event.id},
                                                  {"time", rfc3339(event.time)},
                                                  {"kind", event.kind},
                                                  {"severity", event.severity},
                                                  {"actor", event.actor}};
  for (const auto& [name, value] : columns) {
    if (body.at(name) != value) return fmt::format("its \"{}\" differs from the column", name);
  }
  if (body.at("target").is_null() && event.target_id) return "its \"target\" differs from the column";
  if (!body.at("target").is_null() && !body.at("target").is_string()) return "its \"target\" is not text";
  if (!body.at("data").is_object()) return "its \"data\" is not an object";
  return {};
}

std::string untrue(const StoredEvent& event, std::string_view why) {
  return fmt::format("the stored body of event {} is not what was written: {}", event.seq, why);
}

}  // namespace

CheckedData check_body(const StoredEvent& event) {
  CheckedData checked;
  try {
    const Json body = parse(event.body);
    checked.problem = difference(body, event);
    if (const auto target = body.is_object() ? body.find("target") : body.end();
        body.is_object() && target != body.end() && target->is_string())
      checked.target = target->get<std::string>();
    if (const auto data = body.is_object() ? body.find("data") : body.end(); body.is_object() && data != body.end())
      checked.data = OrderedJson::parse(data->dump(-1, ' ', false, Json::error_handler_t::replace));
    if (checked.problem.empty() && canonical_json(body) != event.body) checked.problem = "it is not canonical JSON";
  } catch (const Json::exception&) {
    checked.problem = "it is not JSON";
  } catch (const std::exception& error) {
    checked.problem = error.what();
  }
  if (checked.problem.empty() && event.leaf_hash != leaf_hash(event.body)) checked.problem = "its leaf hash is another";
  if (!checked.problem.empty()) checked.problem = untrue(event, checked.problem);
  return checked;
}

EventReader::EventReader(Database& db) {
  auto q = db.query("SELECT id, address FROM target");
  while (q.step()) present_.emplace_back(q.integer(0), q.string(1));
  std::sort(present_.begin(), present_.end());
  auto renamed = db.query("SELECT target, address FROM earlier_address");
  while (renamed.step()) earlier_.emplace(renamed.integer(0), renamed.string(1));
}

bool EventReader::known(std::string_view address) const {
  const auto is = [&](const auto& each) { return each.second == address; };
  return std::any_of(present_.begin(), present_.end(), is) || std::any_of(earlier_.begin(), earlier_.end(), is);
}

CheckedData EventReader::check(const StoredEvent& event) const {
  CheckedData checked = check_body(event);
  if (!checked.problem.empty()) return checked;
  if (!event.target_id) {
    if (checked.target && known(*checked.target))
      checked.problem = untrue(event, "its \"target\" is not in the column");
    return checked;
  }
  if (checked.target == name_of(event.target_id)) return checked;
  const auto [from, to] = earlier_.equal_range(*event.target_id);
  if (std::none_of(from, to, [&](const auto& known) { return known.second == checked.target; }))
    checked.problem = untrue(event, "its \"target\" was never that of the column");
  return checked;
}

std::optional<std::string> EventReader::name_of(const std::optional<TargetId>& target) const {
  if (!target) return std::nullopt;
  const auto found = std::lower_bound(present_.begin(), present_.end(), *target,
                                      [](const auto& each, TargetId id) { return each.first < id; });
  return found == present_.end() || found->first != *target ? std::nullopt : std::optional(found->second);
}

std::string text_in(const OrderedJson& data, std::string_view name) {
  if (!data.is_object()) return {};
  const auto member = data.find(name);
  return member != data.end() && member->is_string() ? member->get<std::string>() : std::string();
}

std::optional<Sha256> hash_in(const OrderedJson& data, std::string_view name) {
  return Sha256::from_hex(text_in(data, name));
}

}  // namespace codedriftd
