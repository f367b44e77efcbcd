/// The plugin `teams`: an Adaptive Card through a workflow of Microsoft Teams.
#include "codedriftd/sink.h"
#include "teams/request.h"

namespace {

using namespace codedriftd;

constexpr codedriftd_option kOptions[] = {
    {"url", "the address of the workflow's trigger: whoever has it can post", nullptr, CODEDRIFTD_OPT_STRING,
     CODEDRIFTD_OPT_REQUIRED | CODEDRIFTD_OPT_SECRET, 1, 4096, nullptr},
    http_sink::kHeadersOption,
    http_sink::kHeadersFileOption,
    http_sink::kTimeoutOption,
    http_sink::kCaFileOption,
};

// Webhooks take four requests a second; the connection that a workflow posts with takes fewer in a minute.
constexpr codedriftd_sink_api kTable = http_sink::sink_table<teams::open>("teams", kOptions, 60, 4);

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
