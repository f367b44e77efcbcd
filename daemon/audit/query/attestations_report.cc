#include <fmt/format.h>

#include <algorithm>

#include "attest/envelope.h"
#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "audit/story/event_times.h"
#include "audit/story/stored_event.h"
#include "store/record/attestations.h"

namespace codedriftd {
namespace {

constexpr std::string_view kAttestationFields[] = {"time",   "event",          "kind",    "target",      "attested_by",
                                                   "key_id", "sha256",         "content", "builder",     "source",
                                                   "commit", "predicate_type", "sent_by", "attestation", "envelope"};
constexpr Column kAttestationColumns[] = {
    {"time", "TIME", 0},        {"kind", "FOR", 0},       {"target", "TARGET", 0},          {"attested_by", "KEY", 40},
    {"builder", "BUILDER", 60}, {"source", "SOURCE", 60}, {"attestation", "ATTESTATION", 0}};

struct AttestedEvent {
  StoredEvent event;
  CheckedData checked;  ///< its data has an `attestation`
};

Row attestation_row(Database& db, const AttestedEvent& found) {
  const auto& [event, checked] = found;
  const OrderedJson& attestation = checked.data.at("attestation");
  const auto text = [&](const OrderedJson& json, std::string_view name) { return text_or_null(text_in(json, name)); };
  const std::string announced = text_in(checked.data, "expected_sha256");
  const std::string hash = announced.empty() ? text_in(checked.data, "accepted_sha256") : announced;
  const std::optional<Sha256> stored = hash_in(attestation, "sha256");
  const auto statement = stored ? attestations::find(db, *stored) : std::nullopt;
  Row row{{rfc3339(event.time), event.id, event.kind, value_of(checked.target), text(checked.data, "attested_by"),
           text(attestation, "key_id"), text_or_null(hash), text(checked.data, "expected_content"),
           text(attestation, "builder"), text(attestation, "source"), text(attestation, "commit"),
           text(attestation, "predicate_type"), text(attestation, "sent_by"), text(attestation, "sha256"),
           statement ? OrderedJson(write_envelope(statement->payload, statement->signature)) : OrderedJson()},
          checked.problem};
  if (!statement && row.problem.empty())
    row.problem = fmt::format("event {}: the attestation that it names is not in the record, or was changed", event.id);
  return row;
}

ReportEnd run_attestations(Database& db, const Selection& selection, WallTime now, const Emit& emit) {
  static const Sql kChosen =
      event_rows::select("WHERE kind IN ('deploy.expected', 'deploy.arrived', 'baseline.set') ORDER BY seq");
  const TargetFilter filter(db, selection, now);
  const EventReader events(db);
  const EventTimes times(db);
  ReportEnd end;
  std::vector<AttestedEvent> found;  // without what was signed, which may be large
  auto q = db.stream(kChosen);
  while (q.step()) {
    if (!selection.in_window(times.of(q.integer(event_rows::kSeq), q.time(event_rows::kTime)))) continue;
    if (!filter.matches(event_rows::target_id(q))) continue;
    StoredEvent event = event_rows::read(q);
    CheckedData checked = events.check(event);
    const auto attestation = checked.data.find("attestation");
    if (attestation != checked.data.end() && attestation->is_object())
      found.push_back({std::move(event), std::move(checked)});
  }
  if (selection.limit && found.size() > static_cast<std::size_t>(*selection.limit))
    found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(*selection.limit));
  for (const AttestedEvent& each : found) {
    Row row = attestation_row(db, each);
    if (!row.problem.empty()) ++end.problems;
    emit(std::move(row));
    ++end.rows;
  }
  end.summary["selected"] = end.rows;
  end.remarks.push_back(
      fmt::format("{} attestation{}; json has each whole, as envelope", end.rows, end.rows == 1 ? "" : "s"));
  return end;
}

}  // namespace

const Report kAttestationsReport{"attestations", kAttestationFields, kAttestationColumns, run_attestations};

}  // namespace codedriftd
