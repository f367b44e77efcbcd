#pragma once
/// What a plugin is made of that does not speak HTTP: a table of options, and a function that reads them into a Sender.
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "codedriftd/sink.h"
#include "http_sink/answer.h"
#include "http_sink/destination.h"

namespace codedriftd::http_sink {

/// What ends a call that has to wait.
struct Patience {
  MonoTime until{};
  int cancel_fd = -1;  ///< as in sink.h; -1: none

  /// How long is left; 0: nothing.
  Millis left() const;
  /// Waits until `fd` is ready for `events`, as poll(2) has them. An error says that it was not in time, or was called
  /// off.
  Checked wait(int fd, short events) const;
};

/// One receiver.
class Sender {
 public:
  virtual ~Sender() = default;
  virtual Outcome deliver(const Incoming& alert, const Patience& patience) = 0;
  /// Whether the receiver would take an alert, as far as it can be told without one.
  virtual Outcome probe(const Patience& patience) = 0;
  /// How long one attempt may take at most, everything included.
  virtual Millis timeout() const = 0;
};

/// Reads the configured options. An error, without any secret in it, if they cannot work.
using SenderOpener = Result<std::unique_ptr<Sender>> (*)(std::string_view config_json);

// The functions of the plugin's table.
codedriftd_result open_sender(SenderOpener opener, std::string_view config_json, codedriftd_sink** out,
                              codedriftd_report* report) noexcept;
codedriftd_result deliver_by_sender(codedriftd_sink* self, const codedriftd_alert* alert,
                                    codedriftd_report* report) noexcept;
codedriftd_result probe_sender(codedriftd_sink* self, int64_t deadline_ns, int32_t cancel_fd,
                               codedriftd_report* report) noexcept;
void close_sender(codedriftd_sink* self) noexcept;

/// A plugin's open().
template <SenderOpener opener>
codedriftd_result open_sender_with(const codedriftd_host*, const char* config_json, size_t config_len,
                                   codedriftd_sink** out, codedriftd_report* report) noexcept {
  return open_sender(opener, {config_json, config_len}, out, report);
}

template <SenderOpener opener, std::size_t count>
constexpr codedriftd_sink_api sender_table(const char* name, const codedriftd_option (&options)[count]) {
  codedriftd_sink_api table{};
  table.struct_size = sizeof table;
  table.abi_minor = CODEDRIFTD_SINK_ABI_MINOR;
  table.alert_schema = 1;
  table.name = name;
  table.version = CODEDRIFTD_VERSION;
  table.options = options;
  table.option_count = count;
  table.option_size = sizeof(codedriftd_option);
  table.open = open_sender_with<opener>;
  table.deliver = deliver_by_sender;
  table.close = close_sender;
  table.probe = probe_sender;
  return table;
}

}  // namespace codedriftd::http_sink
