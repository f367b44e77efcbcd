#pragma once
/// The configuration file as plain structs; load.h reads it.
#include <array>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "model/alert.h"
#include "model/content.h"
#include "model/examination.h"
#include "model/target.h"
#include "model/verdict.h"
#include "model/watch_rules.h"
#include "settings/place.h"
#include "settings/urls.h"

namespace codedriftd {

struct CredentialSettings {
  enum class Source { chain, env, profile, files, cvm_role };
  Source source = Source::chain;
  std::string profile_file;  ///< profile: empty = the default places
  std::string profile = "default";
  std::string secret_id_file, secret_key_file, token_file;  ///< files; relative: $CREDENTIALS_DIRECTORY
  std::string role;                                         ///< cvm-role: empty = ask the metadata service
  std::string metadata_endpoint = "http://metadata.tencentyun.com";
};

/// [account.NAME.discovery]: what there is, and what changed.
struct DiscoverySettings {
  bool enabled = false;          ///< also wherever a [[watch]] names the account
  Millis every{600'000};         ///< between two complete listings
  Millis changes_every{15'000};  ///< between two looks at the newest changes
  bool report_unmanaged = true;
};
/// [account.NAME.audit]: who changed it, from CloudAudit.
struct AuditSettings {
  bool enabled = false;
  std::string endpoint;  ///< empty: CloudAudit beside the account's endpoint; of a simulated one, that itself
  std::vector<std::string> deploy_principals;
};

struct AccountSettings {
  std::string name;
  std::string endpoint = "https://scf.intl.tencentcloudapi.com";
  double requests_per_second = 15;  ///< for each region
  Millis timeout{10'000};           ///< for one attempt, everything included
  std::string ca_file;              ///< empty: the system's
  std::string previous;             ///< an earlier label of this account
  CredentialSettings credentials;
  DiscoverySettings discovery;
  AuditSettings audit;
};

/// What an announcement or an approval needs to be accepted.
enum class Require { announced, attested };

struct WatchSettings {
  Target target;
  std::optional<Sha256> pin;             ///< the accepted hash; not beside `content`
  std::optional<ContentDigest> content;  ///< the accepted content; not beside `pin`
  std::string pin_where;                 ///< "FILE:LINE" of either
  Baseline baseline = Baseline::first_seen;
  Require require = Require::announced;
  Millis interval{300'000}, stale_after{900'000}, deploy_grace{3'600'000};
  bool same_content_accepted = true;  ///< another hash with the content and modes of the accepted one is accepted
  std::vector<std::string> ignore;    ///< globs (model/target.h): files that this function's content digests leave out
  bool touched_alerts = false;        ///< `touched = "alert"`: function.touched alerts
  std::string where;                  ///< "FILE:LINE" of the [[function]] or [[watch]]
};

/// One [[watch]]: whom it matches, and how each is watched.
struct RuleSettings {
  WatchRule rule;
  WatchSettings watch;  ///< of its target only the account counts; no pin, no content
  Millis versions_interval{86'400'000};
};

/// [packages]: looking into the packages of what is live.
struct PackageSettings {
  /// What is kept of a package: nothing, and none is fetched; the list of its files; also the package itself.
  enum class Keep { off, manifest, files };
  Keep keep = Keep::manifest;
  PackageLimits limits;                    ///< max_package, max_unpacked, max_files
  uint64_t max_total = uint64_t{2} << 30;  ///< bytes of all packages kept whole together
  /// Where packages may come from, in lower case: ".example.com" is every host below example.com, "example.com" is that
  /// host alone.
  std::vector<std::string> hosts{".myqcloud.com"};
  Millis explain_within{10'000};  ///< how long the first alert about a change waits for what changed; 0: it does not
  Millis examine_within{60'000};  ///< how long a verdict may wait for the content
};
/// "off", "manifest", "files", in the order of the enumerators.
inline constexpr std::array<std::string_view, 3> kPackageKeeps{"off", "manifest", "files"};
/// One [trust.NAME]: a key whose attestations are believed (attest/trust.h).
struct TrustSettings {
  std::string name;
  std::string public_key_file;       ///< absolute, or relative to the working folder as the configuration's name is
  std::vector<std::string> targets;  ///< patterns of addresses, never empty
  std::string builder, source;       ///< patterns; empty: any
  std::string where;                 ///< "FILE:LINE"
};

/// One value under [alert.options], with its place: checked against the plugin's own table.
struct OptionValue {
  std::variant<std::string, int64_t, bool, std::vector<std::string>> value;
  Place place;
};

struct AlertSettings {
  Subscription subscription;  ///< its name is the alert's name
  std::string plugin;         ///< plugin_dir/PLUGIN.so
  std::string fallback;       ///< another alert's name, or empty
  Millis give_up_after{72 * 3'600'000};
  Millis reminder{24 * 3'600'000};  ///< between two words about the same open drift; 0: it is told once
  Millis heartbeat{0};              ///< between two signs of life; 0: none
  std::map<std::string, OptionValue> options;
  Place place;         ///< of the [[alert]]
  Place plugin_place;  ///< of `plugin`
};

/// What the control socket can be asked for, in the order of the sample. `plan` and `poll` are one thing here.
inline constexpr std::array<std::string_view, 11> kControlVerbs{
    "approve", "expect", "poll", "reload", "replay", "drop", "test", "suspend", "resume", "diff", "prune"};

/// Who may ask the running daemon for what: names of users, and of groups with a '%' in front. Root and the daemon's
/// own user always may.
struct ControlSettings {
  std::map<std::string, std::vector<std::string>, std::less<>> allowed;  ///< by verb; every one of kControlVerbs
  ControlSettings();                                                     ///< the defaults
};

struct HttpSettings {
  std::string listen = "127.0.0.1:9817";  ///< "HOST:PORT"; empty: off. Without token and TLS on loopback only
  std::string token_file{};       ///< what who asks has to show; empty: nothing. Relative: $CREDENTIALS_DIRECTORY
  std::string tls_certificate{};  ///< PEM files, relative ones as token_file; both empty: no TLS
  std::string tls_key{};
};

/// [store]: where the record is.
struct StoreSettings {
  /// Nullopt: the file in state_dir, and nothing below counts.
  std::optional<ServerUrl> server;
  std::string url;                         ///< what it was read from
  std::string user = "codedriftd_writer";  ///< the daemon's role
  std::string password_file;         ///< relative: $CREDENTIALS_DIRECTORY; empty: none, or what libpq finds itself
  std::string reader;                ///< the role of what only reads; empty: `user`
  std::string reader_password_file;  ///< of `reader`
  std::string tls = "verify-full";   ///< one of kStoreTls; nothing on a Unix socket
  std::string ca_file;               ///< empty: the system's
  std::string certificate, key;      ///< both or neither; relative: $CREDENTIALS_DIRECTORY
  std::string fleet;                 ///< what all daemons with this record together are called
};
/// What `tls` may be, in libpq's words. "allow" and "prefer" are not among them: they go on in plain text.
inline constexpr std::array<std::string_view, 4> kStoreTls{"verify-full", "verify-ca", "require", "disable"};

struct Settings {
  std::string file;
  std::string state_dir = "/var/lib/codedriftd";
  std::string runtime_dir = "/run/codedriftd";
  std::string plugin_dir = "/usr/lib/codedriftd/plugins";
  std::optional<LogFormat> log_format;  ///< nullopt: text, or systemd's form under systemd
  uint64_t disk_floor = 256ULL << 20;   ///< bytes: less than that free on state_dir's file system is told; 0: off
  bool allow_empty = false;             ///< a reload may leave nothing to watch, or nobody to tell
  std::string instance;                 ///< default: the host's name
  std::string link;                     ///< of alerts about a function, with {address} and the like; empty: none
  std::string log_origin;               ///< default: INSTANCE/codedriftd
  HttpSettings http;
  StoreSettings store;
  std::map<std::string, AccountSettings> accounts;
  std::vector<WatchSettings> watches;  ///< sorted by target, no duplicates
  std::vector<RuleSettings> rules;     ///< in the order of the files
  /// Where there are rules and `watches` was made from them and an inventory: those of [[function]] alone.
  std::vector<WatchSettings> named;
  std::vector<AlertSettings> alerts;
  std::vector<TrustSettings> trust;  ///< sorted by name
  ControlSettings control;
  PackageSettings packages;
  std::string digest;             ///< SHA-256 over name, length and text of every file read, in hex
  std::vector<Mistake> warnings;  ///< what is allowed and hardly meant, in order of file and line
  /// Of what is looked at after reading: "account.NAME.ca_file", "trust.NAME.public_key_file", "http.KEY", "store.KEY",
  /// and "control.NAME" where a user or group stands first.
  std::map<std::string, Place, std::less<>> places;

  /// "json" on request; text takes systemd's form where stderr is the journal.
  LogFormat log_form() const { return log_format == LogFormat::json ? json_log_format() : default_log_format(); }
  /// Of a record in a file: see StoreSettings::server.
  std::string database() const { return state_dir + "/codedriftd.db"; }
  std::string lock_file() const { return state_dir + "/codedriftd.lock"; }
  /// The packages kept whole: see store/packages/files.h.
  std::string packages_folder() const { return state_dir + "/packages"; }
  /// Where the record ends: see service/record_head.h. Another one for a record on a server, which does not go on from
  /// what the file has.
  std::string head_file() const { return head_file_of(store.server.has_value()); }
  std::string head_file_of(bool server) const {
    return state_dir + (server ? "/codedriftd.head.server" : "/codedriftd.head");
  }
};

}  // namespace codedriftd
