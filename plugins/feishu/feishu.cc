/// The plugin `feishu`: a card through a Feishu or Lark custom bot.
#include "codedriftd/sink.h"
#include "feishu/request.h"

namespace {

using namespace codedriftd;

constexpr codedriftd_option kOptions[] = {
    {"url", "the bot's address: whoever has it can post", nullptr, CODEDRIFTD_OPT_STRING,
     CODEDRIFTD_OPT_REQUIRED | CODEDRIFTD_OPT_SECRET, 1, 2048, nullptr},
    {"secret", "the bot's secret, where its security settings ask for a signature", nullptr, CODEDRIFTD_OPT_STRING,
     CODEDRIFTD_OPT_SECRET, 1, 256, nullptr},
    http_sink::kHeadersOption,
    http_sink::kHeadersFileOption,
    http_sink::kTimeoutOption,
    http_sink::kCaFileOption,
};

constexpr codedriftd_sink_api kTable = http_sink::sink_table<feishu::open>("feishu", kOptions, 100, 5);

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
