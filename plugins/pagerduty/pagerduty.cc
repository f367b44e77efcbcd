/// The plugin `pagerduty`: incidents of PagerDuty (Events API v2), triggered and resolved.
#include "codedriftd/sink.h"
#include "pagerduty/request.h"

namespace {

using namespace codedriftd;

constexpr codedriftd_option kOptions[] = {
    {"routing_key", "the integration key of a service's integration \"Events API v2\"", nullptr, CODEDRIFTD_OPT_STRING,
     CODEDRIFTD_OPT_REQUIRED | CODEDRIFTD_OPT_SECRET, 1, 256, nullptr},
    {"url", "where events go; https://events.eu.pagerduty.com/v2/enqueue for accounts in Europe",
     "https://events.pagerduty.com/v2/enqueue", CODEDRIFTD_OPT_STRING, 0, 1, 2048, nullptr},
    http_sink::kHeadersOption,
    http_sink::kHeadersFileOption,
    http_sink::kTimeoutOption,
    http_sink::kCaFileOption,
};

constexpr codedriftd_sink_api kTable = http_sink::sink_table<pagerduty::open>("pagerduty", kOptions);

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
