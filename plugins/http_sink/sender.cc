#include "http_sink/sender.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>

#include "http_sink/report.h"

namespace codedriftd::http_sink {
namespace {

Sender& sender_of(codedriftd_sink* self) { return *reinterpret_cast<Sender*>(self); }

codedriftd_result report_outcome(const Outcome& outcome, codedriftd_report* report) {
  report->status = outcome.status;
  report->retry_after_ms = outcome.retry_after_ms;
  return answer(report, outcome.result, outcome.text);
}

Patience patience_for(const Sender& sender, int64_t deadline_ns, int32_t cancel_fd) {
  const MonoTime deadline{std::chrono::nanoseconds(deadline_ns)};
  return {std::min(deadline, SystemClock{}.mono() + sender.timeout()), cancel_fd};
}

}  // namespace

Millis Patience::left() const { return std::max(std::chrono::ceil<Millis>(until - SystemClock{}.mono()), Millis{0}); }

Checked Patience::wait(int fd, short events) const {
  for (;;) {
    pollfd both[] = {{fd, events, 0}, {cancel_fd, POLLIN, 0}};
    const auto at_most = static_cast<int>(std::min<Millis::rep>(left().count(), 60'000));
    const int ready = ::poll(both, 2, at_most);
    if (ready < 0 && errno != EINTR) return Error{std::strerror(errno)};
    if (ready > 0 && both[1].revents != 0) return Error{"the attempt was called off"};
    if (ready > 0) return Done{};
    if (left() == Millis{0}) return Error{"there was no answer in time"};
  }
}

codedriftd_result open_sender(SenderOpener opener, std::string_view config_json, codedriftd_sink** out,
                              codedriftd_report* report) noexcept {
  try {
    auto sender = opener(config_json);
    if (!sender) return answer(report, CODEDRIFTD_REJECTED, sender.error().message);
    *out = reinterpret_cast<codedriftd_sink*>(sender->release());
    return CODEDRIFTD_DELIVERED;
  } catch (const std::exception& error) {
    return answer(report, CODEDRIFTD_RETRY, error.what());
  }
}

codedriftd_result deliver_by_sender(codedriftd_sink* self, const codedriftd_alert* alert,
                                    codedriftd_report* report) noexcept {
  try {
    Sender& sender = sender_of(self);
    const Incoming incoming{{alert->id, alert->id_len}, {alert->json, alert->json_len}};
    return report_outcome(sender.deliver(incoming, patience_for(sender, alert->deadline_ns, alert->cancel_fd)), report);
  } catch (const std::exception& error) {
    return answer(report, CODEDRIFTD_RETRY, error.what());
  }
}

codedriftd_result probe_sender(codedriftd_sink* self, int64_t deadline_ns, int32_t cancel_fd,
                               codedriftd_report* report) noexcept {
  try {
    Sender& sender = sender_of(self);
    return report_outcome(sender.probe(patience_for(sender, deadline_ns, cancel_fd)), report);
  } catch (const std::exception& error) {
    return answer(report, CODEDRIFTD_RETRY, error.what());
  }
}

void close_sender(codedriftd_sink* self) noexcept { delete &sender_of(self); }

}  // namespace codedriftd::http_sink
