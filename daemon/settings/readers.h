#pragma once
/// For the .cc files of settings/ only: one reader for each kind of section, and what is kept between reading all files
/// and checking them against each other.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "settings/document.h"
#include "settings/settings.h"

namespace codedriftd {

// ---- [daemon] [log] [http] [control] [packages] [store]
// --------------------------------------------------------------------------------------

void read_daemon(const Document& document, Settings& settings, Mistakes& mistakes);
void read_control(const Document& document, Settings& settings, Mistakes& mistakes);
void read_packages(const Document& document, PackageSettings& packages, Mistakes& mistakes);
/// REQUIRES: [packages] of this document was read.
void read_store(const Document& document, Settings& settings, Mistakes& mistakes);
/// The `include` patterns of the main file.
std::vector<PlacedText> read_include(const Document& document);

// ---- [account.NAME] ---------------------------------------------------------------------------------------------

struct PlacedAccount {
  AccountSettings account;
  Place place;
  Place previous_place, ca_file_place;
  std::optional<Place> discovery_off;  ///< of `enabled = false` in its [discovery]
};
using Accounts = std::map<std::string, PlacedAccount>;

void read_accounts(const Document& document, Accounts& accounts, Mistakes& mistakes);
void check_accounts(const Accounts& accounts, Mistakes& mistakes);

// ---- [defaults] [[function]] --------------------------------------------------------------------------------------

/// The keys that [defaults] and [[function]] share, as far as they are there and right.
struct WatchKeys {
  template <typename T>
  struct Key {
    std::optional<T> value;
    std::optional<Place> place;  ///< set as soon as the key is there, even with a bad value
  };
  Key<std::string> account, region, ns, qualifier;
  Key<Baseline> baseline;
  Key<Millis> interval, stale_after, deploy_grace;
  Key<bool> same_content_accepted, touched_alerts;
  Key<std::vector<std::string>> ignore;
  Key<Require> require;
};
struct PlacedWatch {
  WatchSettings watch;
  Place place;
  Place content_place;                 ///< of `content`, where it is given
  std::optional<Place> require_place;  ///< of its `require`, here or in [defaults]
};

WatchKeys read_defaults(const Document& document, Mistakes& mistakes);
/// The keys of one table, of [defaults], a [[function]] or a [[watch]].
WatchKeys read_watch_keys(const Section& section);
/// What is not said in `keys`, as `defaults` say it.
WatchKeys with_defaults(WatchKeys keys, const WatchKeys& defaults);
/// All but target, baseline and pins.
WatchSettings watch_of(const Section& section, const WatchKeys& keys);
/// Tells that there is no account, or none of that name.
void check_account(const Section& section, const WatchKeys& keys, const Accounts& accounts, bool all_read);
void warn_of_unknown_region(const PlacedText& region, Mistakes& mistakes);
/// `all_read`: false if a file could not be read, which may hold the accounts that seem to be missing.
void read_functions(const Document& document, const WatchKeys& defaults, const Accounts& accounts, bool all_read,
                    std::vector<PlacedWatch>& watches, Mistakes& mistakes);
/// A content that is pinned can be found only where packages are looked into.
void check_contents(const std::vector<PlacedWatch>& watches, const PackageSettings& packages, Mistakes& mistakes);
/// Sorted by target; a target that is there twice is a mistake.
std::vector<WatchSettings> sort_watches(std::vector<PlacedWatch> watches, Mistakes& mistakes);

// ---- [[watch]] ----------------------------------------------------------------------------------------------------

struct PlacedRule {
  RuleSettings rule;
  Place place;
  std::optional<Place> require_place;  ///< of its `require`, here or in [defaults]
};

/// As read_functions.
void read_rules(const Document& document, const WatchKeys& defaults, const Accounts& accounts, bool all_read,
                std::vector<PlacedRule>& rules, Mistakes& mistakes);
/// Switches discovery on where a rule needs it. Warns of a discovery that has no region to list.
void check_discovery(Accounts& accounts, const std::vector<PlacedRule>& rules, const std::vector<PlacedWatch>& watches,
                     Mistakes& mistakes);
/// True if a pattern of addresses matches something that a rule may come to watch: anything of its account and regions.
bool may_match(std::string_view glob, const PlacedRule& rule);

/// All that is watched, and may come to be.
struct AllWatched {
  const std::vector<WatchSettings>& watches;
  const std::vector<PlacedRule>& rules;
};

// ---- [[alert]] ----------------------------------------------------------------------------------------------------

struct PlacedAlert {
  AlertSettings alert;
  std::vector<PlacedText> targets;  ///< the patterns of the file
  Place name_place;
  Place fallback_place;
};

void read_alerts(const Document& document, std::vector<PlacedAlert>& alerts, Mistakes& mistakes);
/// `all_read`: false if a file could not be read, which may hold the alerts that seem to be missing.
void check_alerts(const std::vector<PlacedAlert>& alerts, bool all_read, Mistakes& mistakes);
/// Warns of patterns that match nothing that is watched.
void check_alert_targets(const std::vector<PlacedAlert>& alerts, const AllWatched& watched, Mistakes& mistakes);

// ---- [trust.NAME] -------------------------------------------------------------------------------------------------

struct PlacedTrust {
  TrustSettings trust;
  std::vector<PlacedText> targets;  ///< the patterns of the file
  Place key_place;                  ///< of `public_key_file`
};

/// Sorted by name.
std::vector<PlacedTrust> read_trust(const Document& document, Mistakes& mistakes);
/// Warns of functions and rules that require attestations which nobody may make; `watches` are all there are.
void check_requires(const std::vector<PlacedWatch>& watches, const std::vector<PlacedRule>& rules,
                    const std::vector<PlacedTrust>& trust, Mistakes& mistakes);
/// Warns of patterns that match nothing that is watched.
void check_trust_targets(const std::vector<PlacedTrust>& trust, const AllWatched& watched, Mistakes& mistakes);

// ---- for all of them ------------------------------------------------------------------------------------------------

inline constexpr Millis kSecond{1'000}, kYear{365LL * 86'400'000};

/// Warns of the patterns of `owner` ("alert 'ops'") that match nothing that is watched.
void warn_of_idle_targets(const std::vector<PlacedText>& targets, std::string_view owner,
                          const std::vector<std::string>& addresses, const AllWatched& watched, Mistakes& mistakes);
/// The table under `name` at the top of a file, or nullptr; anything but a table is a mistake.
const toml::table* table_at_top(const Document& document, std::string_view name, Mistakes& mistakes);
/// The tables of `[[name]]`; anything but a list of tables is a mistake.
std::vector<const toml::table*> tables_at_top(const Document& document, std::string_view name, Mistakes& mistakes);

}  // namespace codedriftd
