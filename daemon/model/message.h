#pragma once
/// One message out of several alerts (`codedriftd.alert.v1`) that wait for the same destination. Pure: alerts are JSON
/// bytes as compose_alert() made them, oldest first, at least one. All throw std::runtime_error for bytes that are
/// none.
#include <string>
#include <string_view>
#include <vector>

namespace codedriftd {

inline constexpr std::string_view kDigestKind = "digest";
/// A digest of alerts about deliveries: like those, it never causes an alert about a delivery.
inline constexpr std::string_view kDeliveryDigestKind = "delivery.digest";
inline constexpr std::string_view kFlappingKind = "drift.flapping";

/// True if an alert of kind `b` may be told together with one of kind `a` that came before it, about the same target:
/// drift with drift, polls with polls.
bool told_together(std::string_view a, std::string_view b);

/// What happened to one target, one after the other: the newest alert with the id `id`, with all event ids, the highest
/// severity, `previous_status` and `previous_sha256` from before the first, and a summary that says how it began.
std::string compose_series(const std::vector<std::string>& alerts, std::string_view id);

/// The same for a target whose alerts were held because it changed too often: kind `drift.flapping`.
std::string compose_flapping(const std::vector<std::string>& alerts, std::string_view id);

/// Many targets at once: kind `kind`, no target, and one object for each target in `items`: {target, kind, severity,
/// time, summary, status, observed_sha256, accepted_sha256, event_ids}. `by_target`: the alerts of each.
std::string compose_digest(const std::vector<std::vector<std::string>>& by_target, std::string_view id,
                           std::string_view kind);

}  // namespace codedriftd
