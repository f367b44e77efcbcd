/// The plugin `webhook`: POSTs each alert as a CloudEvent 1.0 or in other forms, signed as Standard Webhooks say.
#include "codedriftd/sink.h"
#include "webhook/request.h"

namespace {

using namespace codedriftd;

constexpr codedriftd_option kOptions[] = {
    {"url", "the receiver's address: https, or http to loopback", nullptr, CODEDRIFTD_OPT_STRING,
     CODEDRIFTD_OPT_REQUIRED | CODEDRIFTD_OPT_FILE, 1, 2048, nullptr},
    {"format", "what is sent", "cloudevents", CODEDRIFTD_OPT_STRING, 0, 0, 0, webhook::kFormats},
    {"secret", "signs the requests (Standard Webhooks): whsec_… or whsk_…, several while one is replaced", nullptr,
     CODEDRIFTD_OPT_STRING, CODEDRIFTD_OPT_SECRET, 0, 0, nullptr},
    http_sink::kHeadersOption,
    http_sink::kHeadersFileOption,
    http_sink::kAuthorizationOption,
    http_sink::kTimeoutOption,
    http_sink::kCaFileOption,
    http_sink::kClientCertOption,
    http_sink::kClientKeyOption,
};

// There is no probe: no request short of the alert itself tells whether a webhook would take one.
constexpr codedriftd_sink_api kTable = http_sink::sink_table<webhook::open>("webhook", kOptions);

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
