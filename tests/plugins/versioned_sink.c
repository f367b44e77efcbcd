/* One plugin, built twice: against the kept header of version 1.0 (an old plugin) and against the made-up 1.1, of which
 * it uses every new member. It reports what it saw of its host. */
#include <stdio.h>

#include "codedriftd/sink.h"

struct codedriftd_sink {
  const codedriftd_host* host;
  char config[256];
};

static codedriftd_result sink_open(const codedriftd_host* host, const char* config_json, size_t config_len,
                                   codedriftd_sink** out, codedriftd_report* report) {
  static codedriftd_sink sink;
  (void)report;
  sink.host = host;
  if (config_len >= sizeof sink.config) return CODEDRIFTD_REJECTED;
  snprintf(sink.config, sizeof sink.config, "%s", config_json);
  *out = &sink;
  return CODEDRIFTD_DELIVERED;
}

static codedriftd_result sink_deliver(codedriftd_sink* self, const codedriftd_alert* alert, codedriftd_report* report) {
  const char* kind = "none";
#if CODEDRIFTD_SINK_ABI_MINOR >= 1
  if (CODEDRIFTD_HAS(alert, kind)) kind = alert->kind;
  if (CODEDRIFTD_HAS(report, parts)) report->parts = 3;
  if (CODEDRIFTD_HAS(self->host, count)) self->host->count(self->host->ctx, "deliveries", 1);
#endif
  self->host->log(self->host->ctx, CODEDRIFTD_LOG_INFO, "delivering", 10);
  snprintf(report->text, report->text_cap, "plugin 1.%d, host 1.%u, kind %s, alert %s, options %s",
           CODEDRIFTD_SINK_ABI_MINOR, self->host->abi_minor, kind, alert->json, self->config);
  report->status = 200;
  return CODEDRIFTD_DELIVERED;
}

static void sink_close(codedriftd_sink* self) { self->host = NULL; }

static codedriftd_result sink_probe(codedriftd_sink* self, int64_t deadline_ns, int32_t cancel_fd,
                                    codedriftd_report* report) {
  (void)self, (void)deadline_ns, (void)cancel_fd;
  snprintf(report->text, report->text_cap, "probed");
  return CODEDRIFTD_DELIVERED;
}

#if CODEDRIFTD_SINK_ABI_MINOR >= 1
static codedriftd_result sink_flush(codedriftd_sink* self, codedriftd_report* report) {
  (void)self, (void)report;
  return CODEDRIFTD_RETRY;
}
#endif

static const codedriftd_option options[] = {
    {.name = "first", .help = "one", .default_value = "a|b", .type = CODEDRIFTD_OPT_STRING_LIST},
    {.name = "second", .help = "two", .default_value = "2", .type = CODEDRIFTD_OPT_INT, .min = 1, .max = 9},
    {.name = "third",
     .help = "three",
     .default_value = "x",
     .type = CODEDRIFTD_OPT_STRING,
     .choices = "x|y",
#if CODEDRIFTD_SINK_ABI_MINOR >= 1
     .unit = "metres"
#endif
    },
};

static const codedriftd_sink_api table = {
    .struct_size = sizeof(codedriftd_sink_api),
    .abi_minor = CODEDRIFTD_SINK_ABI_MINOR,
    .alert_schema = 1,
    .name = "versioned",
    .version = "7",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .per_minute = 30,
    .burst = 4,
    .open = sink_open,
    .deliver = sink_deliver,
    .close = sink_close,
    .probe = sink_probe,
#if CODEDRIFTD_SINK_ABI_MINOR >= 1
    .flush = sink_flush,
#endif
};

CODEDRIFTD_SINK_ENTRY(table)
