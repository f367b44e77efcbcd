#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/sha256.h"
#include "store/log/event_rows.h"
#include "store/record/targets.h"

namespace codedriftd {

struct CheckedData {
  std::optional<std::string> target;  ///< the body's: what it was called then
  OrderedJson data;                   ///< the body's `data`, or null if there is none to be read
  std::string problem;                ///< empty: columns, body and leaf hash agree
};

/// Reads a body's target and data, and says if the body is not the event's canonical form (contract, "Events and
/// alerts"), or its columns or its leaf hash say anything else. Never throws for what a row holds. That the target is
/// the one of the column is for who knows its names to say (EventReader).
CheckedData check_body(const StoredEvent& event);

/// Reads events with what their targets are called, now and earlier.
class EventReader {
 public:
  /// Throws StoreError.
  explicit EventReader(Database& db);
  /// check_body(), and whether the body's target is that of the column.
  CheckedData check(const StoredEvent& event) const;
  /// What the target is called now; nullopt for the whole daemon.
  std::optional<std::string> name_of(const std::optional<TargetId>& target) const;

 private:
  bool known(std::string_view address) const;

  std::vector<std::pair<TargetId, std::string>> present_;  ///< by id
  std::multimap<TargetId, std::string> earlier_;
};

/// A member of an event's data: its text, or empty; its hash, or nullopt.
std::string text_in(const OrderedJson& data, std::string_view name);
std::optional<Sha256> hash_in(const OrderedJson& data, std::string_view name);

}  // namespace codedriftd
