/* The plugin header as C99, and what is frozen of it: sizes, offsets, types and numbers of version 1.0 (64-bit
 * systems). Compiled against the shipped header, the kept copy of 1.0, and the made-up 1.1, whose structs may be longer
 * only. */
#include "codedriftd/sink.h"

#define FROZEN(name, condition) typedef char frozen_##name[(condition) ? 1 : -1]
#if CODEDRIFTD_SINK_ABI_MINOR == 0
#define SIZE(name, type, size) FROZEN(name, sizeof(type) == (size))
#else
#define SIZE(name, type, size) FROZEN(name, sizeof(type) >= (size))
#endif
/* A member at its offset, as long as ever. */
#define AT(name, type, member, offset, size) \
  FROZEN(name, offsetof(type, member) == (offset) && sizeof(((type*)0)->member) == (size))

FROZEN(major, CODEDRIFTD_SINK_ABI_MAJOR == 1);
FROZEN(delivered, CODEDRIFTD_DELIVERED == 0);
FROZEN(retry, CODEDRIFTD_RETRY == 1);
FROZEN(rejected, CODEDRIFTD_REJECTED == 2);
FROZEN(refused, CODEDRIFTD_DESTINATION_REFUSED == 3);
FROZEN(log_err, CODEDRIFTD_LOG_ERR == 3);
FROZEN(log_warning, CODEDRIFTD_LOG_WARNING == 4);
FROZEN(log_info, CODEDRIFTD_LOG_INFO == 6);
FROZEN(log_debug, CODEDRIFTD_LOG_DEBUG == 7);
FROZEN(opt_string, CODEDRIFTD_OPT_STRING == 1);
FROZEN(opt_int, CODEDRIFTD_OPT_INT == 2);
FROZEN(opt_bool, CODEDRIFTD_OPT_BOOL == 3);
FROZEN(opt_string_list, CODEDRIFTD_OPT_STRING_LIST == 4);
FROZEN(opt_required, CODEDRIFTD_OPT_REQUIRED == 1);
FROZEN(opt_secret, CODEDRIFTD_OPT_SECRET == 2);
FROZEN(opt_file, CODEDRIFTD_OPT_FILE == 4);
FROZEN(entry_name, sizeof CODEDRIFTD_SINK_ENTRY_NAME == sizeof "codedriftd_sink_v1");
FROZEN(result_type, sizeof(codedriftd_result) == 4 && (codedriftd_result)-1 < 0);
FROZEN(level_type, sizeof(codedriftd_log_level) == 4 && (codedriftd_log_level)-1 < 0);
FROZEN(option_type_type, sizeof(codedriftd_option_type) == 4 && (codedriftd_option_type)-1 < 0);

SIZE(option, codedriftd_option, 56);
AT(option_1, codedriftd_option, name, 0, 8);
AT(option_2, codedriftd_option, help, 8, 8);
AT(option_3, codedriftd_option, default_value, 16, 8);
AT(option_4, codedriftd_option, type, 24, 4);
AT(option_5, codedriftd_option, flags, 28, 4);
AT(option_6, codedriftd_option, min, 32, 8);
AT(option_7, codedriftd_option, max, 40, 8);
AT(option_8, codedriftd_option, choices, 48, 8);

SIZE(host, codedriftd_host, 24);
AT(host_1, codedriftd_host, struct_size, 0, 4);
AT(host_2, codedriftd_host, abi_minor, 4, 4);
AT(host_3, codedriftd_host, ctx, 8, 8);
AT(host_4, codedriftd_host, log, 16, 8);

SIZE(report, codedriftd_report, 32);
AT(report_1, codedriftd_report, struct_size, 0, 4);
AT(report_2, codedriftd_report, retry_after_ms, 4, 4);
AT(report_3, codedriftd_report, text, 8, 8);
AT(report_4, codedriftd_report, text_cap, 16, 8);
AT(report_5, codedriftd_report, status, 24, 4);
AT(report_6, codedriftd_report, reserved_, 28, 4);

SIZE(alert, codedriftd_alert, 56);
AT(alert_1, codedriftd_alert, struct_size, 0, 4);
AT(alert_2, codedriftd_alert, attempt, 4, 4);
AT(alert_3, codedriftd_alert, id, 8, 8);
AT(alert_4, codedriftd_alert, id_len, 16, 8);
AT(alert_5, codedriftd_alert, json, 24, 8);
AT(alert_6, codedriftd_alert, json_len, 32, 8);
AT(alert_7, codedriftd_alert, deadline_ns, 40, 8);
AT(alert_8, codedriftd_alert, cancel_fd, 48, 4);
AT(alert_9, codedriftd_alert, reserved_, 52, 4);

SIZE(table, codedriftd_sink_api, 88);
AT(table_0, codedriftd_sink_api, struct_size, 0, 4);
AT(table_1, codedriftd_sink_api, abi_minor, 4, 4);
AT(table_2, codedriftd_sink_api, alert_schema, 8, 4);
AT(table_3, codedriftd_sink_api, flags, 12, 4);
AT(table_4, codedriftd_sink_api, name, 16, 8);
AT(table_5, codedriftd_sink_api, version, 24, 8);
AT(table_6, codedriftd_sink_api, options, 32, 8);
AT(table_7, codedriftd_sink_api, option_count, 40, 4);
AT(table_8, codedriftd_sink_api, option_size, 44, 4);
AT(table_9, codedriftd_sink_api, per_minute, 48, 4);
AT(table_10, codedriftd_sink_api, burst, 52, 4);
AT(table_11, codedriftd_sink_api, open, 56, 8);
AT(table_12, codedriftd_sink_api, deliver, 64, 8);
AT(table_13, codedriftd_sink_api, close, 72, 8);
AT(table_14, codedriftd_sink_api, probe, 80, 8);

/* The functions take what they took: another type of pointer is an error here. */
codedriftd_sink_entry_fn layout_signatures(codedriftd_host* host, codedriftd_sink_api* api);
codedriftd_sink_entry_fn layout_signatures(codedriftd_host* host, codedriftd_sink_api* api) {
  void (*const log_fn)(void*, int32_t, const char*, size_t) = host->log;
  int32_t (*const open_fn)(const codedriftd_host*, const char*, size_t, codedriftd_sink**, codedriftd_report*) =
      api->open;
  int32_t (*const deliver_fn)(codedriftd_sink*, const codedriftd_alert*, codedriftd_report*) = api->deliver;
  void (*const close_fn)(codedriftd_sink*) = api->close;
  int32_t (*const probe_fn)(codedriftd_sink*, int64_t, int32_t, codedriftd_report*) = api->probe;
  const codedriftd_sink_api* (*const entry_fn)(uint32_t) = codedriftd_sink_v1;
  return log_fn && open_fn && deliver_fn && close_fn && probe_fn ? entry_fn : NULL;
}

/* The entry function, as a plugin has it. */
static const codedriftd_sink_api table = {0};
CODEDRIFTD_SINK_ENTRY(table)

/* Short of one byte of a member, the member is not there. */
int layout_has_probe(uint32_t struct_size);
int layout_has_probe(uint32_t struct_size) {
  codedriftd_sink_api short_table = {0};
  short_table.struct_size = struct_size;
  return CODEDRIFTD_HAS(&short_table, probe);
}
