#include "http_sink/destination.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "http_sink/report.h"

namespace codedriftd::http_sink {
/// How far an alert of several requests has come.
struct Progress {
  std::string id;
  std::size_t next = 0;             ///< the part that comes next
  std::optional<Outcome> rejected;  ///< the first part that was
};
}  // namespace codedriftd::http_sink

struct codedriftd_sink {
  std::unique_ptr<codedriftd::http_sink::Destination> destination;
  codedriftd::HttpClient client{};  // keeps its connection between alerts
  codedriftd::http_sink::Progress progress{};
};

namespace codedriftd::http_sink {
namespace {

codedriftd_result tell(const Outcome& outcome, codedriftd_report* report) {
  report->status = outcome.status;
  report->retry_after_ms = outcome.retry_after_ms;
  return answer(report, outcome.result, outcome.text);
}

/// Sends one request and judges what comes back. `deadline_ns` as in sink.h.
Outcome ask(codedriftd_sink& self, HttpRequest request, int64_t deadline_ns, int32_t cancel_fd) {
  const SystemClock clock;
  const MonoTime deadline{std::chrono::nanoseconds(deadline_ns)};
  const auto left = std::chrono::floor<Millis>(deadline - clock.mono());
  if (left <= Millis{0}) return {CODEDRIFTD_RETRY, 0, 0, "no time was left to send it"};
  request.deadline = std::min(request.deadline, left);
  return self.destination->judge(self.client.fetch(std::move(request), cancel_fd), clock.wall());
}

Outcome send_part(codedriftd_sink& self, const codedriftd_alert& alert, const Incoming& incoming) {
  Outcome outcome;
  for (unsigned length = 0; length < self.destination->lengths(); ++length) {
    auto request = self.destination->make_request(incoming, length, SystemClock{}.wall());
    if (!request) return {CODEDRIFTD_REJECTED, 0, 0, request.error().message};
    outcome = ask(self, std::move(*request), alert.deadline_ns, alert.cancel_fd);
    if (!outcome.too_long) break;
  }
  return outcome;
}

Outcome send(codedriftd_sink& self, const codedriftd_alert& alert) {
  Incoming incoming{{alert.id, alert.id_len}, {alert.json, alert.json_len}};
  const std::size_t parts = self.destination->parts(incoming);
  Progress& progress = self.progress;
  if (progress.id != incoming.id) progress = {std::string(incoming.id), 0, std::nullopt};
  Outcome outcome;
  for (; progress.next < parts; ++progress.next) {
    incoming.part = progress.next;
    outcome = send_part(self, alert, incoming);
    if (parts > 1) outcome.text = fmt::format("{} of {}: {}", incoming.part + 1, parts, outcome.text);
    if (outcome.result == CODEDRIFTD_REJECTED) {
      if (!progress.rejected) progress.rejected = outcome;
    } else if (outcome.result != CODEDRIFTD_DELIVERED) {
      return outcome;
    }
  }
  if (progress.rejected) outcome = *progress.rejected;
  progress = {};
  return outcome;
}

}  // namespace

codedriftd_result open_sink(Opener opener, std::string_view config_json, codedriftd_sink** out,
                            codedriftd_report* report) noexcept {
  try {
    auto destination = opener(config_json);
    if (!destination) return answer(report, CODEDRIFTD_REJECTED, destination.error().message);
    *out = new codedriftd_sink{std::move(*destination)};
    return CODEDRIFTD_DELIVERED;
  } catch (const std::exception& error) {
    return answer(report, CODEDRIFTD_RETRY, error.what());
  }
}

codedriftd_result deliver_to_sink(codedriftd_sink* self, const codedriftd_alert* alert,
                                  codedriftd_report* report) noexcept {
  try {
    return tell(send(*self, *alert), report);
  } catch (const std::exception& error) {
    return answer(report, CODEDRIFTD_RETRY, error.what());
  }
}

codedriftd_result probe_sink(codedriftd_sink* self, int64_t deadline_ns, int32_t cancel_fd,
                             codedriftd_report* report) noexcept {
  try {
    return tell(ask(*self, self->destination->make_probe(), deadline_ns, cancel_fd), report);
  } catch (const std::exception& error) {
    return answer(report, CODEDRIFTD_RETRY, error.what());
  }
}

void close_sink(codedriftd_sink* self) noexcept { delete self; }

}  // namespace codedriftd::http_sink
