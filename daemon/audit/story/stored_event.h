#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/sha256.h"
#include "store/db/sqlite.h"

namespace codedriftd {

/// One row of table `event` as it stands there: untrusted until check_body() has compared it with itself.
struct StoredEvent {
  int64_t seq;
  std::string id;
  WallTime time;
  std::string kind, severity, actor;
  std::optional<std::string> target;
  std::string body;
  std::optional<Sha256> leaf_hash;
};

/// The row that `q` stands at: seq, id, time_ms, kind, severity, actor, target, body, leaf_hash, in this order.
StoredEvent read_event(const Query& q);

struct CheckedData {
  OrderedJson data;     ///< the body's `data`, or null if there is none to be read
  std::string problem;  ///< empty: columns, body and leaf hash agree
};

/// Reads a body's data, and says if the body is not the event's canonical form (contract, "Events and alerts"), or its
/// columns or its leaf hash say anything else. Never throws for what a row holds.
CheckedData check_body(const StoredEvent& event);

/// A member of an event's data: its text, or empty; its hash, or nullopt.
std::string text_in(const OrderedJson& data, std::string_view name);
std::optional<Sha256> hash_in(const OrderedJson& data, std::string_view name);

}  // namespace codedriftd
