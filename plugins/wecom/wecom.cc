/// The plugin `wecom`: a markdown message through a WeCom (WeChat Work) group robot.
#include "codedriftd/sink.h"
#include "wecom/request.h"

namespace {

using namespace codedriftd;

constexpr codedriftd_option kOptions[] = {
    {"url", "the robot's address with its key: whoever has it can post", nullptr, CODEDRIFTD_OPT_STRING,
     CODEDRIFTD_OPT_REQUIRED | CODEDRIFTD_OPT_SECRET, 1, 2048, nullptr},
    http_sink::kHeadersOption,
    http_sink::kHeadersFileOption,
    http_sink::kTimeoutOption,
    http_sink::kCaFileOption,
};

constexpr codedriftd_sink_api kTable = http_sink::sink_table<wecom::open>("wecom", kOptions, 20, 5);

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
