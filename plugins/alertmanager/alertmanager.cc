/// The plugin `alertmanager`: POSTs alerts to Prometheus' Alertmanager, resolved by their endsAt.
#include "alertmanager/request.h"
#include "codedriftd/sink.h"

namespace {

using namespace codedriftd;

constexpr codedriftd_option kOptions[] = {
    {"url", "Alertmanager's address: https, or http to loopback; /api/v2/alerts is put behind it", nullptr,
     CODEDRIFTD_OPT_STRING, CODEDRIFTD_OPT_REQUIRED | CODEDRIFTD_OPT_FILE, 1, 2048, nullptr},
    {"hold_h", "hours that open drift fires without being sent again; above the interval of reminders, which is a day",
     "48", CODEDRIFTD_OPT_INT, 0, 1, 8760, nullptr},
    {"heartbeat_hold_h", "hours that CodedriftdHeartbeat fires after a heartbeat: a few of its intervals", "3",
     CODEDRIFTD_OPT_INT, 0, 1, 8760, nullptr},
    http_sink::kAuthorizationOption,
    http_sink::kHeadersOption,
    http_sink::kHeadersFileOption,
    http_sink::kTimeoutOption,
    http_sink::kCaFileOption,
    http_sink::kClientCertOption,
    http_sink::kClientKeyOption,
};

constexpr codedriftd_sink_api with_probe(codedriftd_sink_api table) {
  table.probe = http_sink::probe_sink;
  return table;
}
constexpr codedriftd_sink_api kTable = with_probe(http_sink::sink_table<alertmanager::open>("alertmanager", kOptions));

}  // namespace

CODEDRIFTD_SINK_ENTRY(kTable)
