#pragma once
/// The seam between delivery (runner) and what carries an alert out of the daemon: a plugin in a child process
/// (SinkProcess, process.h), or a fake in a unit test.
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "settings/settings.h"

namespace codedriftd {

/// What became of one attempt. In every case but `delivered` the receiver may or may not have seen the alert.
enum class DeliveryResult {
  delivered,  ///< accepted by the receiver
  retry,      ///< not delivered, or not known; try again, not before `retry_after`
  rejected,   ///< this alert will never be accepted; the next one may
  refused,    ///< the destination accepts nothing until somebody acts (401, 404 …): hold its queue, and probe
  fault,      ///< the plugin crashed, hung, or answered nonsense: to be tried again, and counted against the plugin
};
std::string_view to_string(DeliveryResult result);  ///< "delivered" "retry" "rejected" "refused" "fault"

struct DeliveryAnswer {
  DeliveryResult result = DeliveryResult::fault;
  Millis retry_after{0};  ///< a minimum, asked for by the receiver; 0: none
  int32_t status = 0;     ///< HTTP or SMTP status, exit status; 0: none
  std::string text;       ///< why, or the receiver's own words: valid UTF-8, at most 1,000 characters, secrets masked
  bool interrupted = false;  ///< a retry, because somebody else's signal ended the plugin: counted against nobody
};

enum class OptionType { string = 1, integer = 2, boolean = 3, string_list = 4 };

/// One row of a plugin's option table.
struct PluginOption {
  std::string name;
  std::string help;                          ///< one line, with the unit
  std::optional<std::string> default_value;  ///< as TOML text
  OptionType type = OptionType::string;
  bool required = false;
  bool secret = false;                                ///< configured as NAME_file only
  bool in_file = false;                               ///< may be configured as NAME_file instead of NAME
  int64_t min = std::numeric_limits<int64_t>::min();  ///< integers: value; strings: bytes; lists: items
  int64_t max = std::numeric_limits<int64_t>::max();
  std::vector<std::string> choices;  ///< the only values allowed; empty: any
};

/// What a plugin says about itself.
struct PluginInfo {
  std::string name;
  std::string version;
  uint32_t abi_minor = 0;
  uint32_t alert_schema = 1;  ///< the newest codedriftd.alert.vN it reads
  uint32_t per_minute = 0;    ///< the receiver's published limit; 0: none
  uint32_t burst = 0;
  bool can_probe = false;
  std::vector<PluginOption> options;
};

/// Why a channel could not be started.
struct StartFailure {
  enum class Kind {
    mistakes,  ///< the configured options are wrong, see `mistakes`: hopeless before a reload
    refused,  ///< the plugin cannot be loaded safely, a secret file is unreadable, or open() said no: hold, try now and
              ///< then
    retry,    ///< open() asks for a later try, or somebody else's signal ended the host process
    fault,    ///< the host process did not start, crashed or hung: back off, and count it
  };
  Kind kind = Kind::fault;
  std::string message;            ///< for people, valid UTF-8
  std::vector<Mistake> mistakes;  ///< with the place of each option
  Millis retry_after{0};
};

/// One alert destination's way out. All of it is for one long-lived thread (the destination's own), except cancel().
/// No call throws for what a plugin does; each comes back within its time limit plus kCancelGrace.
class SinkChannel {
 public:
  virtual ~SinkChannel() = default;

  /// Starts the plugin, checks the configured options against its table, and opens the instance.
  /// REQUIRES: not running. After a failure it is not running, and start() may be called again.
  virtual Result<PluginInfo, StartFailure> start() = 0;

  /// True between a successful start() and stop(), a fault, or the end of the child. A child that died while idle is
  /// noticed here and by the next call.
  virtual bool running() = 0;

  /// After running() turned false by itself: true if a signal that somebody else sent (a service manager signals every
  /// process of a unit) ended the plugin, and not a fault of its own.
  virtual bool ended_from_outside() const = 0;

  /// Hands over one alert and waits for the answer, at most `timeout`; then the plugin is asked to stop and, after
  /// kCancelGrace, killed: that is a `fault`, after which running() is false. `json` is at most kMaxAlertBytes long
  /// (else `rejected`). Not running: `fault`. Ended by somebody else's signal: `retry`, `interrupted`.
  virtual DeliveryAnswer deliver(std::string_view id, std::string_view json, uint32_t attempt, Millis timeout) = 0;

  /// Asks whether the receiver could be reached, sending nothing a person would see. `delivered` means it could, or
  /// that the plugin has no way to tell (PluginInfo::can_probe).
  virtual DeliveryAnswer probe(Millis timeout) = 0;

  /// True if a file that start() had the plugin read (a secret, a certificate) is another one by now, or holds
  /// something else: a receiver that refuses may accept that.
  virtual bool files_changed() { return false; }

  /// From any thread, once, to end for good: the call in flight comes back within kCancelGrace, as `retry` (or with the
  /// answer, if that was faster); every later start() and deliver() fails at once.
  virtual void cancel() = 0;

  /// Closes the instance and ends the child, at most within kCancelGrace; it is reaped when this returns. Harmless when
  /// not running.
  virtual void stop() = 0;
};

inline constexpr Millis kCancelGrace{2'000};
/// The longest retry_after that is believed: whatever a receiver says, its alerts are tried once a day.
inline constexpr Millis kMostRetryAfter{24 * 3'600'000};
/// The longest alert a channel carries; longer ones are shortened by who composes them.
inline constexpr std::size_t kMaxAlertBytes = 128 * 1024;

}  // namespace codedriftd
