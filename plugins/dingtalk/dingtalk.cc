/// The plugin `dingtalk`: a markdown message through a DingTalk custom robot.
#include "codedriftd/sink.h"
#include "dingtalk/request.h"

namespace {

using namespace codedriftd;

constexpr codedriftd_option kOptions[] = {
    {"url", "the robot's address with its access_token: whoever has it can post", nullptr, CODEDRIFTD_OPT_STRING,
     CODEDRIFTD_OPT_REQUIRED | CODEDRIFTD_OPT_SECRET, 1, 2048, nullptr},
    {"secret", "the robot's secret, SEC…, where its security settings ask for a signature", nullptr,
     CODEDRIFTD_OPT_STRING, CODEDRIFTD_OPT_SECRET, 1, 256, nullptr},
    http_sink::kHeadersOption,
    http_sink::kHeadersFileOption,
    http_sink::kTimeoutOption,
    http_sink::kCaFileOption,
};

// One more than that in a minute, and the robot is mute for ten.
constexpr codedriftd_sink_api kTable = http_sink::sink_table<dingtalk::open>("dingtalk", kOptions, 20, 5);

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
