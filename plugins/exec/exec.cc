/// The plugin `exec`: runs a command for each alert, with the alert's JSON on its stdin.
#include <algorithm>
#include <exception>

#include "codedriftd/sink.h"
#include "exec/outcome.h"
#include "http_sink/report.h"

struct codedriftd_sink {
  codedriftd::exec::Options options;
};

namespace {

using namespace codedriftd;
using http_sink::answer;

constexpr codedriftd_option kOptions[] = {
    {"command", "the program, as an absolute path, and its arguments", nullptr, CODEDRIFTD_OPT_STRING_LIST,
     CODEDRIFTD_OPT_REQUIRED, 1, 64, nullptr},
    {"timeout_s", "seconds until it is killed with all it started", "30", CODEDRIFTD_OPT_INT, 0, 1, 60, nullptr},
};

codedriftd_result open_sink(const codedriftd_host*, const char* config_json, size_t config_len, codedriftd_sink** out,
                            codedriftd_report* report) noexcept {
  try {
    auto options = exec::read_options({config_json, config_len});
    if (!options) return answer(report, CODEDRIFTD_REJECTED, options.error().message);
    *out = new codedriftd_sink{std::move(*options)};
    return CODEDRIFTD_DELIVERED;
  } catch (const std::exception& error) {
    return answer(report, CODEDRIFTD_RETRY, error.what());
  }
}

codedriftd_result deliver(codedriftd_sink* self, const codedriftd_alert* alert, codedriftd_report* report) noexcept {
  try {
    // Somebody may have changed it meanwhile.
    if (auto checked = exec::check_command(self->options.command.front()); !checked) {
      return answer(report, CODEDRIFTD_DESTINATION_REFUSED, checked.error().message);
    }
    const std::string_view json(alert->json, alert->json_len);
    const MonoTime deadline{std::chrono::nanoseconds(alert->deadline_ns)};
    const MonoTime until = std::min(deadline, SystemClock{}.mono() + self->options.timeout);
    const exec::Command command{self->options.command, exec::environment({alert->id, alert->id_len}, json), json};
    const exec::Outcome outcome = exec::judge(exec::run(command, until, alert->cancel_fd));
    report->status = outcome.status;
    return answer(report, outcome.result, outcome.text);
  } catch (const std::exception& error) {
    return answer(report, CODEDRIFTD_RETRY, error.what());
  }
}

void close_sink(codedriftd_sink* self) noexcept { delete self; }

/// Whether the command could be started.
codedriftd_result probe(codedriftd_sink* self, int64_t, int32_t, codedriftd_report* report) noexcept {
  try {
    auto checked = exec::check_command(self->options.command.front());
    return checked ? CODEDRIFTD_DELIVERED : answer(report, CODEDRIFTD_DESTINATION_REFUSED, checked.error().message);
  } catch (const std::exception& error) {
    return answer(report, CODEDRIFTD_RETRY, error.what());
  }
}

constexpr codedriftd_sink_api kTable = {
    sizeof(codedriftd_sink_api),
    CODEDRIFTD_SINK_ABI_MINOR,
    1,
    0,
    "exec",
    CODEDRIFTD_VERSION,
    kOptions,
    std::size(kOptions),
    sizeof(codedriftd_option),
    0,
    0,
    open_sink,
    deliver,
    close_sink,
    probe,
};

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
