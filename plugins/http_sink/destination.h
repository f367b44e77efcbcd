#pragma once
/// What an HTTP plugin is made of: a table of options, a function that reads them into a Destination, and the pure
/// functions of that. The rest (deadlines, sending, shortening, reports) is here, the same for all of them.
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "codedriftd/sink.h"
#include "http/client.h"
#include "http_sink/alert.h"
#include "http_sink/answer.h"

namespace codedriftd::http_sink {

/// An alert as it came.
struct Incoming {
  std::string_view id;
  std::string_view json;
  std::size_t part = 0;  ///< which of the requests it takes
};

/// One receiver. Its functions are pure: the same arguments, the same answer, and nothing is sent.
class Destination {
 public:
  virtual ~Destination() = default;

  /// How many lengths of a message there are: 0 says everything, the last one is the shortest.
  virtual unsigned lengths() const { return 1; }
  /// How many requests it takes to say all of it, one after the other. What was taken of them is not sent again in the
  /// next attempt of the same alert, as long as this process lives; one that is rejected does not keep back the others.
  virtual std::size_t parts(const Incoming&) const { return 1; }
  /// The whole request, for `now`. An error: this alert can never be sent.
  virtual Result<HttpRequest> make_request(const Incoming& alert, unsigned length, WallTime now) const = 0;
  virtual Outcome judge(const HttpResponse& response, WallTime now) const = 0;

  /// A question that tells whether the receiver would take an alert and that nobody sees. REQUIRES: the plugin's table
  /// has probe_sink.
  virtual HttpRequest make_probe() const { return {}; }
};

/// Reads the configured options. An error, without any secret in it, if they cannot work.
using Opener = Result<std::unique_ptr<Destination>> (*)(std::string_view config_json);

// The functions of the plugin's table.
codedriftd_result open_sink(Opener opener, std::string_view config_json, codedriftd_sink** out,
                            codedriftd_report* report) noexcept;
/// Sends the alert; a message that is too long for the receiver again, shorter, within the same deadline.
codedriftd_result deliver_to_sink(codedriftd_sink* self, const codedriftd_alert* alert,
                                  codedriftd_report* report) noexcept;
codedriftd_result probe_sink(codedriftd_sink* self, int64_t deadline_ns, int32_t cancel_fd,
                             codedriftd_report* report) noexcept;
void close_sink(codedriftd_sink* self) noexcept;

/// A plugin's open().
template <Opener opener>
codedriftd_result open_with(const codedriftd_host*, const char* config_json, size_t config_len, codedriftd_sink** out,
                            codedriftd_report* report) noexcept {
  return open_sink(opener, {config_json, config_len}, out, report);
}

/// The table of a plugin that takes as many alerts as there are.
template <Opener opener, std::size_t count>
constexpr codedriftd_sink_api sink_table(const char* name, const codedriftd_option (&options)[count]) {
  codedriftd_sink_api table{};
  table.struct_size = sizeof table;
  table.abi_minor = CODEDRIFTD_SINK_ABI_MINOR;
  table.alert_schema = 1;
  table.name = name;
  table.version = CODEDRIFTD_VERSION;
  table.options = options;
  table.option_count = count;
  table.option_size = sizeof(codedriftd_option);
  table.open = open_with<opener>;
  table.deliver = deliver_to_sink;
  table.close = close_sink;
  return table;
}
/// The same, for a receiver with a published rate.
template <Opener opener, std::size_t count>
constexpr codedriftd_sink_api sink_table(const char* name, const codedriftd_option (&options)[count],
                                         uint32_t per_minute, uint32_t burst) {
  codedriftd_sink_api table = sink_table<opener>(name, options);
  table.per_minute = per_minute;
  table.burst = burst;
  return table;
}

}  // namespace codedriftd::http_sink
