#pragma once
/// One message out of several alerts (`codedriftd.alert.v1`) that wait for the same destination. Pure: alerts are JSON
/// bytes as compose_alert() made them, oldest first, at least one. All throw std::runtime_error for bytes that are
/// none.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace codedriftd {

inline constexpr std::string_view kDigestKind = "digest";
/// A digest of alerts about deliveries: like those, it never causes an alert about a delivery.
inline constexpr std::string_view kDeliveryDigestKind = "delivery.digest";
inline constexpr std::string_view kFlappingKind = "drift.flapping";

/// True if an alert of kind `b` may be told together with one of kind `a` that came before it, about the same target:
/// drift with drift, polls with polls, missing with returned: the newest says how it is. Not so recreated, and touched.
bool told_together(std::string_view a, std::string_view b);

/// What happened to one target, one after the other: the newest alert with the id `id`, with all event ids, the highest
/// severity, `previous_status` and `previous_sha256` from before the first, and a summary that says how it began.
/// `between`: how many more there were after the first, which are only counted.
std::string compose_series(const std::vector<std::string>& alerts, std::string_view id, std::size_t between = 0);

/// The same for a target that changes too often to tell each change: kind `drift.flapping`. `goes_on`: it still does,
/// and its alerts are held for that long at most; nullopt: it is quiet.
std::string compose_flapping(const std::vector<std::string>& alerts, std::string_view id, std::size_t between,
                             std::optional<Millis> goes_on);

/// Many targets at once: kind `kind`, no target, and one object for each target in `items`: {target, kind, severity,
/// time, summary, status, observed_sha256, accepted_sha256, event_ids}. `by_target`: the alerts of each; `between`: how
/// many more each has after its first, none where it is shorter.
std::string compose_digest(const std::vector<std::vector<std::string>>& by_target, std::string_view id,
                           std::string_view kind, const std::vector<std::size_t>& between = {});

}  // namespace codedriftd
