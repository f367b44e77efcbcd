#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/target.h"
#include "model/verdict.h"
#include "store/db/database.h"
#include "store/record/targets.h"

namespace codedriftd {

/// What a report is asked for. Values of one option are alternatives; options narrow each other.
struct Selection {
  std::vector<std::string> names;    ///< TARGET arguments as given; resolve_names() moves them to `targets`
  std::vector<std::string> targets;  ///< globs, see target_matches()
  std::vector<std::string> accounts, regions, namespaces, functions, qualifiers;  ///< globs over one part
  std::vector<std::string> statuses;                                              ///< globs over the present status
  std::vector<std::string> kinds;                                                 ///< globs over the event's kind
  std::vector<std::string> states;        ///< inventory, alerts: globs over the state
  std::vector<std::string> destinations;  ///< alerts: globs over the [[alert]]'s name
  std::optional<WallTime> since, until;   ///< both inclusive
  std::optional<int64_t> limit;
  int64_t skip = 0;  ///< with a limit, of status and alerts: so many rows are left out before those it gives
  std::optional<int64_t> before;  ///< events: only those with a lower seq
  bool all = false;               ///< also what is no longer watched
  std::optional<WallTime> at;     ///< status: as it was then
  /// What stands before the name of an option where words name one: "--since" of a command, "since" of a URL.
  std::string_view dashes = "--";

  /// True if only some targets are asked for.
  bool narrows_targets() const;
  bool in_window(WallTime time) const { return (!since || time >= *since) && (!until || time <= *until); }
};

/// A glob with "/" is matched against the whole address, and if it has no ":" against the address without :QUALIFIER
/// too; one with ":" against FUNCTION:QUALIFIER; any other against FUNCTION.
bool target_matches(std::string_view glob, const Target& target);
/// True if the part of `selection` that is about a target's address selects it.
bool selects(const Selection& selection, const Target& target);

/// Targets under every name that they have or had: an account that was renamed is found by both of its labels.
class TargetNames {
 public:
  explicit TargetNames(Database& db);
  /// True if `selection` selects what `id` is called now, `present`, or was called earlier.
  bool selects(const Selection& selection, TargetId id, const Target& present) const;
  /// Who had this address before a renaming; nullopt: nobody.
  std::optional<TargetId> once(std::string_view address) const;

 private:
  std::map<TargetId, std::vector<Target>> earlier_;
  std::map<std::string, TargetId, std::less<>> by_address_;
};

/// True if one of `globs` matches, or there are none.
bool any_matches(const std::vector<std::string>& globs, std::string_view text);

/// What there is to select from, each by address.
struct KnownTargets {
  std::vector<Target> watched, unwatched;
  std::map<Target, std::vector<Target>> earlier = {};  ///< what it was called before its account got another label
  bool rules = false;  ///< a [[watch]] is configured, so that a listing may find more to watch

  /// True if `fits` holds for what `target` is called, or was called earlier.
  bool under_any_name(const Target& target, const std::function<bool(const Target&)>& fits) const;
};
KnownTargets known_targets(Database& db);
/// The same by their present names alone, for what is written to: an earlier label may be another account's by now.
KnownTargets present_targets(Database& db);

/// Replaces names by addresses: a name without `*` and `?` is an address, or that without :QUALIFIER, FUNCTION or
/// FUNCTION:QUALIFIER of exactly one watched target (with `all`: of any). Without a qualifier a function's code is
/// meant: `$LATEST` where that is watched, else the one version or alias that is, else `$IMAGE`; its layers and where
/// its aliases lead are named by their qualifiers. Fails if several match; the error lists them. One that nothing
/// matches is kept, and will select nothing.
Checked resolve_names(Database& db, Selection& selection);
Checked resolve_names(const KnownTargets& known, Selection& selection);

/// The selected targets, by address: those watched, or all; with the asked-for status at `now`. Throws StoreError.
struct SelectedTarget {
  TargetRow row;
  StatusView status;
  Inside inside = {};    ///< of the live hash, against the accepted one; filled by who shows it (store/ledger/inside.h)
  std::string who = {};  ///< what the audit log tells of the change that made it so, or empty; filled as `inside` is
  /// What the live and the accepted hash stand for (model/value.h), filled as `inside` is. Empty: code, or not known.
  std::string observed_value = {}, accepted_value = {};
};
std::vector<SelectedTarget> selected_targets(Database& db, const Selection& selection, WallTime now);

/// The rows that the parts of `selection` about addresses select, by address: those watched, or all. Whole addresses
/// are looked up, so that the others need not be read. Throws StoreError.
void each_selected(Database& db, const Selection& selection, bool also_unwatched,
                   const std::function<void(TargetRow&&)>& take);

/// Tells whether what belongs to a target is selected: for events and alerts, which outlive the watching.
class TargetFilter {
 public:
  /// Reads the targets, if the selection asks for some, with their status at `now`.
  TargetFilter(Database& db, const Selection& selection, WallTime now);
  /// Null is what concerns the whole daemon: selected only if no targets are asked for.
  bool matches(const std::optional<TargetId>& target) const;
  /// The one target that is selected; nullopt: several are, or none, or everything.
  std::optional<TargetId> only() const;

 private:
  bool everything_;
  std::unordered_set<TargetId> selected_;
};

/// The options that narrow `selection`, as they would be written; empty: nothing does. Without its times.
std::string selection_words(const Selection& selection);
/// For commands that write: fails for a name that is a pattern. `instead` says what to do.
Checked check_no_pattern(std::string_view name, std::string_view instead);

/// True if a target is there that the parts of `selection` about addresses select: then finding nothing by status, kind
/// or time is an answer, else a mistake. `outlived`: what is no longer watched counts, as it does for events and
/// alerts.
bool names_something(Database& db, const Selection& selection, bool outlived);
/// That answer: "no events of kind drift.* for the 43 selected functions". `rows`: "events", "functions".
std::string nothing_there(Database& db, const Selection& selection, std::string_view rows, bool outlived);
/// An address as it may be typed: quoted for the shell, without ":$LATEST" where none of `all` is other code of its
/// function.
std::string typed(const std::string& address, const std::set<std::string>& all);

/// Why `selection` found nothing, for people: what was asked for, and the nearest there is.
std::string explain_nothing(Database& db, const Selection& selection, WallTime now);
/// The same without a database. `statuses` are those that the targets have which match apart from the status.
std::string explain_nothing(const KnownTargets& known, const Selection& selection,
                            const std::function<std::set<std::string>()>& statuses);

}  // namespace codedriftd
