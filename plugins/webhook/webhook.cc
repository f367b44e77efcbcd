/// The plugin `webhook`: POSTs each alert as a structured CloudEvent 1.0, signed as Standard Webhooks say.
#include <algorithm>
#include <cstring>
#include <exception>

#include "answer.h"
#include "base/clock.h"
#include "base/text.h"
#include "codedriftd/sink.h"
#include "request.h"

struct codedriftd_sink {
  codedriftd::webhook::Options options;
  codedriftd::HttpClient client;  // keeps its connection between alerts
};

namespace {

using namespace codedriftd;
using namespace codedriftd::webhook;

constexpr codedriftd_option kOptions[] = {
    {"url", "the receiver's address: https, or http to loopback", nullptr, CODEDRIFTD_OPT_STRING,
     CODEDRIFTD_OPT_REQUIRED | CODEDRIFTD_OPT_FILE, 1, 2048, nullptr},
    {"secret", "signs the requests: whsec_… as in Standard Webhooks; without it they are not signed", nullptr,
     CODEDRIFTD_OPT_STRING, CODEDRIFTD_OPT_SECRET, 0, 0, nullptr},
    {"timeout_s", "seconds for one attempt, everything included", "15", CODEDRIFTD_OPT_INT, 0, 1, 60, nullptr},
    {"ca_file", "certificates (PEM) to trust instead of the system's", nullptr, CODEDRIFTD_OPT_STRING, 0, 1, 4096,
     nullptr},
};

void say(codedriftd_report* report, std::string_view text) {
  const std::string_view cut = utf8_prefix(text, report->text_cap - 1);
  std::memcpy(report->text, cut.data(), cut.size());
  report->text[cut.size()] = '\0';
}

codedriftd_result fail(codedriftd_report* report, codedriftd_result result, std::string_view text) {
  say(report, text);
  return result;
}

codedriftd_result open_sink(const codedriftd_host*, const char* config_json, size_t config_len, codedriftd_sink** out,
                            codedriftd_report* report) noexcept {
  try {
    auto options = read_options({config_json, config_len});
    if (!options) return fail(report, CODEDRIFTD_REJECTED, options.error().message);
    *out = new codedriftd_sink{std::move(*options), {}};
    return CODEDRIFTD_DELIVERED;
  } catch (const std::exception& error) {
    return fail(report, CODEDRIFTD_RETRY, error.what());
  }
}

codedriftd_result deliver(codedriftd_sink* self, const codedriftd_alert* alert, codedriftd_report* report) noexcept {
  try {
    const std::string_view id(alert->id, alert->id_len);
    if (!is_message_id(id)) return fail(report, CODEDRIFTD_REJECTED, "the alert's id cannot be a webhook-id");
    auto body = cloud_event({alert->json, alert->json_len});
    if (!body) return fail(report, CODEDRIFTD_REJECTED, body.error().message);
    const SystemClock clock;
    const MonoTime deadline{std::chrono::nanoseconds(alert->deadline_ns)};
    const auto left = std::chrono::floor<Millis>(deadline - clock.mono());
    if (left <= Millis{0}) return fail(report, CODEDRIFTD_RETRY, "no time was left to send it");
    const HttpResponse response =
        self->client.fetch(make_request(self->options, id, std::move(*body), clock.wall(), left), alert->cancel_fd);
    const Outcome outcome = judge(response, self->options.mask, clock.wall());
    report->status = outcome.status;
    report->retry_after_ms = outcome.retry_after_ms;
    return fail(report, outcome.result, outcome.text);
  } catch (const std::exception& error) {
    return fail(report, CODEDRIFTD_RETRY, error.what());
  }
}

void close_sink(codedriftd_sink* self) noexcept { delete self; }

// There is no probe: no request short of the alert itself tells whether a webhook would take one.
constexpr codedriftd_sink_api kTable = {
    sizeof(codedriftd_sink_api),
    CODEDRIFTD_SINK_ABI_MINOR,
    1,
    0,
    "webhook",
    CODEDRIFTD_VERSION,
    kOptions,
    std::size(kOptions),
    sizeof(codedriftd_option),
    0,
    0,
    open_sink,
    deliver,
    close_sink,
    nullptr,
};

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
