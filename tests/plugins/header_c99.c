/* The plugin header as C99, and its sizes and offsets: they never change within version 1 (64-bit systems). */
#include "codedriftd/sink.h"

#define FROZEN(name, condition) typedef char frozen_##name[(condition) ? 1 : -1]
#define AT(name, type, member, offset) FROZEN(name, offsetof(type, member) == (offset))

FROZEN(option, sizeof(codedriftd_option) == 56);
AT(option_1, codedriftd_option, name, 0);
AT(option_2, codedriftd_option, help, 8);
AT(option_3, codedriftd_option, default_value, 16);
AT(option_4, codedriftd_option, type, 24);
AT(option_5, codedriftd_option, flags, 28);
AT(option_6, codedriftd_option, min, 32);
AT(option_7, codedriftd_option, max, 40);
AT(option_8, codedriftd_option, choices, 48);

FROZEN(host, sizeof(codedriftd_host) == 24);
AT(host_1, codedriftd_host, ctx, 8);
AT(host_2, codedriftd_host, log, 16);

FROZEN(report, sizeof(codedriftd_report) == 32);
AT(report_1, codedriftd_report, retry_after_ms, 4);
AT(report_2, codedriftd_report, text, 8);
AT(report_3, codedriftd_report, text_cap, 16);
AT(report_4, codedriftd_report, status, 24);

FROZEN(alert, sizeof(codedriftd_alert) == 56);
AT(alert_1, codedriftd_alert, attempt, 4);
AT(alert_2, codedriftd_alert, id, 8);
AT(alert_3, codedriftd_alert, id_len, 16);
AT(alert_4, codedriftd_alert, json, 24);
AT(alert_5, codedriftd_alert, json_len, 32);
AT(alert_6, codedriftd_alert, deadline_ns, 40);
AT(alert_7, codedriftd_alert, cancel_fd, 48);

FROZEN(table, sizeof(codedriftd_sink_api) == 88);
AT(table_1, codedriftd_sink_api, abi_minor, 4);
AT(table_2, codedriftd_sink_api, alert_schema, 8);
AT(table_3, codedriftd_sink_api, flags, 12);
AT(table_4, codedriftd_sink_api, name, 16);
AT(table_5, codedriftd_sink_api, version, 24);
AT(table_6, codedriftd_sink_api, options, 32);
AT(table_7, codedriftd_sink_api, option_count, 40);
AT(table_8, codedriftd_sink_api, option_size, 44);
AT(table_9, codedriftd_sink_api, per_minute, 48);
AT(table_10, codedriftd_sink_api, burst, 52);
AT(table_11, codedriftd_sink_api, open, 56);
AT(table_12, codedriftd_sink_api, deliver, 64);
AT(table_13, codedriftd_sink_api, close, 72);
AT(table_14, codedriftd_sink_api, probe, 80);

/* Short of one byte of a member, the member is not there. */
int header_c99_has(uint32_t struct_size);
int header_c99_has(uint32_t struct_size) {
  codedriftd_sink_api table = {0};
  table.struct_size = struct_size;
  return CODEDRIFTD_HAS(&table, probe);
}
