/// The plugin `smtp`: mail, with TLS, a login, and text beside HTML.
#include "codedriftd/sink.h"
#include "http_sink/connection.h"
#include "smtp/sender.h"

namespace {

using namespace codedriftd;

constexpr codedriftd_option kOptions[] = {
    {"server", "smtp://HOST:PORT (587), with STARTTLS, or smtps://HOST:PORT (465)", nullptr, CODEDRIFTD_OPT_STRING,
     CODEDRIFTD_OPT_REQUIRED, 1, 512, nullptr},
    {"starttls", "false: smtp:// goes without TLS, which is for a server on this machine alone", "true",
     CODEDRIFTD_OPT_BOOL, 0, 0, 0, nullptr},
    {"from", "the sender's address", nullptr, CODEDRIFTD_OPT_STRING, CODEDRIFTD_OPT_REQUIRED, 3, 254, nullptr},
    {"to", "the recipients' addresses", nullptr, CODEDRIFTD_OPT_STRING_LIST, CODEDRIFTD_OPT_REQUIRED, 1, 50, nullptr},
    {"username", "whom to log in as", nullptr, CODEDRIFTD_OPT_STRING, 0, 1, 256, nullptr},
    {"password", "the password", nullptr, CODEDRIFTD_OPT_STRING, CODEDRIFTD_OPT_SECRET, 1, 1024, nullptr},
    {"auth", "how to log in; auto: either, as the server offers", "auto", CODEDRIFTD_OPT_STRING, 0, 0, 0,
     "auto|plain|login"},
    {"subject_prefix", "what subjects begin with", "[codedriftd]", CODEDRIFTD_OPT_STRING, 0, 0, 100, nullptr},
    {"timeout_s", "seconds for one attempt, everything included", "30", CODEDRIFTD_OPT_INT, 0, 1, 60, nullptr},
    http_sink::kCaFileOption,
    http_sink::kClientCertOption,
    http_sink::kClientKeyOption,
};

constexpr codedriftd_sink_api kTable = http_sink::sender_table<smtp::open>("smtp", kOptions);

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
