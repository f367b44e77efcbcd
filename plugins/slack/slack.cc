/// The plugin `slack`: a message through a Slack incoming webhook.
#include "codedriftd/sink.h"
#include "slack/request.h"

namespace {

using namespace codedriftd;

constexpr codedriftd_option kOptions[] = {
    {"url", "the incoming webhook's address: whoever has it can post", nullptr, CODEDRIFTD_OPT_STRING,
     CODEDRIFTD_OPT_REQUIRED | CODEDRIFTD_OPT_SECRET, 1, 2048, nullptr},
    http_sink::kHeadersOption,
    http_sink::kHeadersFileOption,
    http_sink::kTimeoutOption,
    http_sink::kCaFileOption,
};

// One message a second, and a few more at once are tolerated.
constexpr codedriftd_sink_api kTable = http_sink::sink_table<slack::open>("slack", kOptions, 60, 5);

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
