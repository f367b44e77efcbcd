/// What listings say of the function that a target is of: another one under its name, and writes that no hash explains.
#include "model/deciding.h"

namespace codedriftd {
namespace {

/// True where a write of the function may have changed what is looked at. A version never changes, and layers and
/// aliases are values that are read by themselves.
bool follows_writes(const Target& target) {
  return target.qualifier == kLatestQualifier || kind_of_qualifier(target.qualifier) == TargetKind::image;
}

}  // namespace

Listed believed(Listed listed, WallTime now) {
  for (std::optional<WallTime>* time : {&listed.added_at, &listed.modified_at}) {
    if (*time && as_stored(**time, now) != **time) time->reset();
  }
  return listed;
}

Sighting compare(const Listed& known, const Listed& seen) {
  const bool another_id =
      !known.function_id.empty() && !seen.function_id.empty() && known.function_id != seen.function_id;
  const bool times = known.added_at && seen.added_at;
  if (times && *seen.added_at < *known.added_at) return Sighting::outdated;
  // Both were made within one second: the one that was written last is there now.
  const bool same_second = times && *seen.added_at == *known.added_at;
  if (another_id && same_second && seen.modified_at && known.modified_at && *seen.modified_at < *known.modified_at)
    return Sighting::outdated;
  return another_id || (times && !same_second) ? Sighting::another : Sighting::same;
}

void Deciding::take(const Listed& told) {
  if (!before_.watched) return;
  TargetState& s = state();
  const Listed listed = believed(told, now_);
  const Listed known = believed({before_.function_id, before_.added_at, before_.modified_at}, now_);
  s.added_at = known.added_at;
  // With a time that is not believed goes what was concluded from it.
  if (known.modified_at != before_.modified_at) s.touched = false;
  s.modified_at = known.modified_at;
  const Sighting sighting = compare(known, listed);
  if (sighting == Sighting::outdated) return;
  if (sighting == Sighting::another) {
    s.function_id = listed.function_id;
    s.added_at = listed.added_at;
    s.modified_at = listed.modified_at;
    s.touched = false;  // that was another function
    add(function_recreated(scene(), known));
    return;
  }
  if (s.function_id.empty()) s.function_id = listed.function_id;
  if (!s.added_at) s.added_at = listed.added_at;
  see_modified(listed);
}

/// A time that goes back is a listing that lags behind, or a mistake of the cloud's clock: what is known stays.
void Deciding::see_modified(const Listed& listed) {
  TargetState& s = state();
  const auto& modified_at = listed.modified_at;
  const auto known = s.modified_at;
  if (!modified_at || (known && *modified_at <= *known)) return;
  s.modified_at = modified_at;
  if (!known || !follows_writes(target_)) return;
  // The hash was first seen by this machine's clock.
  const bool explained = s.live_since && *s.live_since - listed.clock_error >= *modified_at - kSameMoment;
  if (!explained) s.touched = true;
}

/// The function was written, and here is what it runs since.
void Deciding::settle_touched(const Observation& observation) {
  if (!before_.touched) return;
  if (before_.live == observation.sha256) {
    // An answer that was under way when the function was written says nothing of what is there since.
    if (observation.asked_at && before_.modified_at && *observation.asked_at <= *before_.modified_at + kSameMoment)
      return;
    add(function_touched(scene()));
  }
  state().touched = false;
}

}  // namespace codedriftd
