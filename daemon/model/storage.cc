#include "model/storage.h"

#include <fmt/format.h>

#include "base/json.h"

namespace codedriftd {
namespace {

std::string mib(int64_t bytes) { return fmt::format("{} MiB", bytes / (1024 * 1024)); }

NewEvent storage_event(std::string_view kind, Severity severity, Json data, std::string summary) {
  NewEvent event;
  event.kind = kind;
  event.severity = severity;
  event.data = std::move(data);
  event.facts.summary = std::move(summary);
  return event;
}

void decide_low(const StorageLook& look, StorageDecision& decision) {
  if (!look.free_bytes) return;
  const int64_t free = *look.free_bytes, floor = look.floor_bytes;
  const Json data{{"path", look.folder}, {"free_bytes", free}, {"floor_bytes", floor}};
  if (!decision.told.low && free < floor) {
    decision.told.low = true;
    decision.events.push_back(storage_event(
        "storage.low", Severity::warning, data,
        fmt::format("{} are free where the record is ({}), less than the floor of {}: polling goes on, and once "
                    "nothing is free, nothing can be recorded.",
                    mib(free), look.folder, mib(floor))));
  } else if (decision.told.low && free >= floor + floor / 4) {
    decision.told.low = false;
    decision.events.push_back(storage_event(
        "storage.recovered", Severity::info, data,
        fmt::format("{} are free where the record is ({}), {}.", mib(free), look.folder,
                    floor > 0 ? fmt::format("enough above the floor of {}", mib(floor)) : "and no floor is set now")));
  }
}

void decide_blocked(const StorageLook& look, StorageDecision& decision) {
  const Json data{{"path", look.database}, {"wal_bytes", look.wal_bytes}, {"limit_bytes", kMostWalBytes}};
  if (!decision.told.blocked && look.wal_bytes > kMostWalBytes) {
    decision.told.blocked = true;
    decision.events.push_back(
        storage_event("storage.blocked", Severity::warning, data,
                      fmt::format("The write-ahead log of the record has {} and grows: somebody keeps a transaction "
                                  "open on it (sudo fuser -v {} says who, beside codedriftd itself).",
                                  mib(look.wal_bytes), look.database)));
  } else if (decision.told.blocked && look.wal_bytes <= kMostWalBytes / 2) {
    decision.told.blocked = false;
    decision.events.push_back(
        storage_event("storage.unblocked", Severity::info, data,
                      fmt::format("The write-ahead log of the record was moved into it again, and has {} now.",
                                  mib(look.wal_bytes))));
  }
}

}  // namespace

StorageDecision decide_storage(const StorageTold& told, const StorageLook& look) {
  StorageDecision decision{told, {}};
  decide_low(look, decision);
  decide_blocked(look, decision);
  return decision;
}

}  // namespace codedriftd
