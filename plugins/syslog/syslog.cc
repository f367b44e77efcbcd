/// The plugin `syslog`: writes alerts to a syslog server, or to the local one.
#include "codedriftd/sink.h"
#include "http_sink/connection.h"
#include "syslog/sender.h"

namespace {

using namespace codedriftd;

constexpr codedriftd_option kOptions[] = {
    {"address", "a local socket, tls://HOST:PORT (6514), or tcp://HOST:PORT (601), which is to loopback", "/dev/log",
     CODEDRIFTD_OPT_STRING, 0, 1, 512, nullptr},
    {"plain_tcp", "tcp:// may lead to other machines: nothing is encrypted then", "false", CODEDRIFTD_OPT_BOOL, 0, 0, 0,
     nullptr},
    {"format", "auto: bsd for a local socket, rfc5424 for all else", "auto", CODEDRIFTD_OPT_STRING, 0, 0, 0,
     "auto|rfc5424|bsd"},
    {"facility", "syslog's facility", "daemon", CODEDRIFTD_OPT_STRING, 0, 0, 0, syslog::kFacilities},
    {"app_name", "the name that messages go under", "codedriftd", CODEDRIFTD_OPT_STRING, 0, 1, 48, nullptr},
    {"sd_id", "the name of the structured data, with a private enterprise number; the default's is for examples",
     "codedriftd@32473", CODEDRIFTD_OPT_STRING, 0, 3, 32, nullptr},
    {"max_bytes", "of one message: what the receiver takes", "8192", CODEDRIFTD_OPT_INT, 0, 480, 65536, nullptr},
    http_sink::kTimeoutOption,
    http_sink::kCaFileOption,
    http_sink::kClientCertOption,
    http_sink::kClientKeyOption,
};

constexpr codedriftd_sink_api kTable = http_sink::sender_table<syslog::open>("syslog", kOptions);

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
