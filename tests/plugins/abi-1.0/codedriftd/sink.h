/* The codedriftd alert-sink plugin ABI, version 1.0. C99 and C++20 (gcc, clang); needs no other header of codedriftd.
 *
 * FROZEN. Everything below stays as it is for as long as there is a version 1: no member, number, type, name or meaning
 * changes. A later minor version (1.1, 1.2 ...) may only add, in the ways that "Growth" lists.
 *
 * A plugin is a shared object that exports ONE symbol, codedriftd_sink_v1: a function that returns the plugin's table
 * (codedriftd_sink_api). CODEDRIFTD_SINK_ENTRY(table) writes it. The major version is part of the name: a host that
 * knows version 2 looks for codedriftd_sink_v2 first and then for codedriftd_sink_v1, so old plugins go on working.
 *
 * A plugin is loaded by a small host process of its own, one process for each alert destination. If it crashes or
 * hangs, that process is ended and started again; the daemon and other destinations do not notice. This is crash
 * isolation and no security boundary: the process runs as the daemon's user. What it finds there:
 *
 *   - no terminal: stdin is empty, and what is written to stdout or stderr is logged;
 *   - no environment but the proxy variables (http_proxy, https_proxy, all_proxy, no_proxy, in both cases);
 *   - at most 64 descriptors and 512 MiB of memory, and no new privileges by executing a program;
 *   - SIGPIPE ignored (a program that the plugin starts may want the default back), every other signal as at the start
 *     of a program, none of them blocked;
 *   - a process group of its own: what the plugin starts, and does not end itself, is killed with it.
 *
 * Growth
 *
 *   Structs grow at their end only. struct_size (for codedriftd_option: option_size, the stride of the array) is what
 *   the OWNER of the struct was compiled with: the plugin owns codedriftd_sink_api and its options, the host owns the
 *   others. The other side reads a member that is not in version 1.0 only if CODEDRIFTD_HAS() says it is there. Nothing
 *   is inserted, moved or given another type. Members named reserved_ are 0.
 *
 *   A function never gets another parameter; a new function is a new member at the end of a table.
 *
 *   Numbers and flag bits may be added and are never used twice. Who meets one it does not know:
 *     - a host ignores flag bits, and takes a log level for the nearest one it knows;
 *     - a host refuses a plugin with an option of an unknown type. A plugin that can do without returns another table
 *       when host_minor is lower, see codedriftd_sink_entry_fn;
 *     - a result of a later version is returned only to a host of that version (abi_minor of codedriftd_host). For an
 *       older one it is a fault.
 *
 *   config_json and the alert's JSON get more members; a plugin ignores those it does not know.
 *
 * Rules for every function
 *
 *   Memory. Nobody frees the other side's memory. What a pointer argument points to lives until the call returns;
 *   where something is to be written there, it is the caller's buffer.
 *
 *   Text. UTF-8. Where a length stands beside a pointer, the byte at [length] is 0 as well, and not counted.
 *
 *   Threads. open, deliver, probe and close of one instance are called from one thread, never two at once. Threads the
 *   plugin started must have ended when close() returns. Functions of codedriftd_host may be called from any thread.
 *
 *   Manners. No function throws, longjmps or exits, or changes signal handlers, the locale, the environment or the
 *   working directory, or touches a descriptor it did not open (cancel_fd may be polled).
 *
 *   Time. NAME_ns is nanoseconds on CLOCK_MONOTONIC; NAME_ms is milliseconds.
 */
#ifndef CODEDRIFTD_SINK_H
#define CODEDRIFTD_SINK_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define CODEDRIFTD_NOEXCEPT noexcept
extern "C" {
#else
#define CODEDRIFTD_NOEXCEPT
#endif

#define CODEDRIFTD_SINK_ABI_MAJOR 1
#define CODEDRIFTD_SINK_ABI_MINOR 0

/* True if *p, as its owner compiled it, has the member m. p points to a struct with struct_size. */
#define CODEDRIFTD_HAS(p, m) ((p)->struct_size >= offsetof(__typeof__(*(p)), m) + sizeof((p)->m))

/* What came of a call. When in doubt: CODEDRIFTD_RETRY. Any other value is a fault of the plugin. */
typedef int32_t codedriftd_result;
enum {
  /* The receiver has taken the alert over; the host forgets it. */
  CODEDRIFTD_DELIVERED = 0,
  /* Not delivered, or not known (HTTP 408, 425, 429, 5xx, no answer): the same alert comes again, not before
   * retry_after_ms. */
  CODEDRIFTD_RETRY = 1,
  /* This alert will never be accepted (HTTP 400, 413, 415, 422); the next one may be. */
  CODEDRIFTD_REJECTED = 2,
  /* Nothing is accepted here until somebody acts (HTTP 401, 403, 404, 405, 407, 410): the host keeps every alert, stops
   * sending, and asks now and then. */
  CODEDRIFTD_DESTINATION_REFUSED = 3
};

/* syslog's numbers. */
typedef int32_t codedriftd_log_level;
enum { CODEDRIFTD_LOG_ERR = 3, CODEDRIFTD_LOG_WARNING = 4, CODEDRIFTD_LOG_INFO = 6, CODEDRIFTD_LOG_DEBUG = 7 };

typedef int32_t codedriftd_option_type;
enum {
  CODEDRIFTD_OPT_STRING = 1,
  CODEDRIFTD_OPT_INT = 2, /* 64 bits, signed */
  CODEDRIFTD_OPT_BOOL = 3,
  CODEDRIFTD_OPT_STRING_LIST = 4
};

enum {
  CODEDRIFTD_OPT_REQUIRED = 1u << 0, /* must be configured */
  CODEDRIFTD_OPT_SECRET = 1u << 1,   /* a string that may not stand in the configuration: given as NAME_file only */
  CODEDRIFTD_OPT_FILE = 1u << 2      /* a string that may be given as NAME or as NAME_file */
};

/* One setting the plugin takes, under [alert.options]. The host refuses unknown names, wrong types, values out of range
 * and missing required ones, with file, line and column, BEFORE open() is called, and prints this table for people.
 *
 * NAME_file names a file with restricted permissions; the host reads it before every open() and gives its text, without
 * white space around it, as NAME. The plugin never sees NAME_file, and no other option may have that name. */
typedef struct codedriftd_option {
  const char* name; /* [a-z][a-z0-9_]*, at most 32 bytes, no two alike */
  const char* help; /* one line, with the unit; at most 200 bytes */
  /* Given to open() when nothing is configured, as plain text: abc, 15, true, a|b for a list; at most 1000 bytes. NULL:
   * the member is then absent from config_json. A secret has none. */
  const char* default_value;
  codedriftd_option_type type;
  uint32_t flags; /* CODEDRIFTD_OPT_* bits */
  /* Least and most, both included: the value of an integer, the bytes of a string, the items of a list. Both 0: any. */
  int64_t min, max;
  const char* choices; /* strings and lists: "a|b|c", the only values allowed, at most 1000 bytes; NULL: any */
} codedriftd_option;

/* What the host offers. Lives from open() to the end of close(). */
typedef struct codedriftd_host {
  uint32_t struct_size;
  uint32_t abi_minor; /* the minor version the host was built with */
  void* ctx;          /* first argument of the functions below */
  /* Writes a line to the daemon's log. Copies the text (1000 bytes of it at least) and never blocks; beyond 20 lines a
   * second lines are dropped and counted. Secrets must not be in it. */
  void (*log)(void* ctx, codedriftd_log_level level, const char* text, size_t text_len) CODEDRIFTD_NOEXCEPT;
} codedriftd_host;

/* Where a call puts its explanation. Zero, and an empty text, when the call begins. */
typedef struct codedriftd_report {
  uint32_t struct_size;
  uint32_t retry_after_ms; /* with CODEDRIFTD_RETRY: not before this has passed; 0: the host's own back-off */
  /* The host's buffer, for a 0-terminated text: why it failed, or the receiver's words or id. It is stored and shown to
   * people: no secrets. */
  char* text;
  size_t text_cap; /* bytes at text, the final 0 included; 512 at least */
  int32_t status;  /* HTTP or SMTP status, exit status; 0: none */
  int32_t reserved_;
} codedriftd_report;

/* One alert to deliver. */
typedef struct codedriftd_alert {
  uint32_t struct_size;
  uint32_t attempt; /* 1 for the first try of this alert */
  const char* id;   /* the same in every attempt: the receiver's key for telling repetitions. [A-Za-z0-9_-]{1,64} */
  size_t id_len;
  /* An object with "schema": "codedriftd.alert.v1". The same bytes in every attempt; 128 KiB at most. */
  const char* json;
  size_t json_len;
  /* Return by then, with CODEDRIFTD_RETRY if nothing better is known. Two seconds later the process is killed. */
  int64_t deadline_ns;
  /* Readable (POLLIN) as soon as the call should end, also before the deadline: poll it beside the plugin's own
   * descriptors, and don't read it. The process is killed two seconds after it became readable. */
  int32_t cancel_fd;
  int32_t reserved_;
} codedriftd_alert;

typedef struct codedriftd_sink codedriftd_sink; /* an instance: the plugin's own type */

/* The plugin's table: constant, in static storage. It is read without open() being called. */
typedef struct codedriftd_sink_api {
  uint32_t struct_size;  /* sizeof(codedriftd_sink_api) */
  uint32_t abi_minor;    /* CODEDRIFTD_SINK_ABI_MINOR */
  uint32_t alert_schema; /* N of the newest codedriftd.alert.vN the plugin reads; the host sends that or an older one */
  uint32_t flags;        /* 0 */
  const char* name;      /* [a-z0-9_-]{1,32} */
  const char* version;   /* the plugin's own, free text, at most 64 bytes */
  const codedriftd_option* options;
  uint32_t option_count; /* 64 at most, with 64 KiB of text in all */
  uint32_t option_size;  /* sizeof(codedriftd_option): the stride of the array */
  /* How many alerts a minute, and at once, the receiver is published to take; 0: no limit is known. */
  uint32_t per_minute, burst;

  /* Makes an instance. config_json is one flat object: the configured options, checked against the table, with defaults
   * and the text of secret files filled in. Each value is a string, an integer, true, false or a list of strings, as
   * the table says; no name comes twice; \u stands in strings for control characters only. Must return within ten
   * seconds, without waiting for the receiver.
   *
   * CODEDRIFTD_DELIVERED: *out is the instance, not NULL. CODEDRIFTD_RETRY: not now. CODEDRIFTD_REJECTED or
   * CODEDRIFTD_DESTINATION_REFUSED: not with this configuration. In these cases report says why and close() is not
   * called. */
  codedriftd_result (*open)(const codedriftd_host* host, const char* config_json, size_t config_len,
                            codedriftd_sink** out, codedriftd_report* report) CODEDRIFTD_NOEXCEPT;

  /* Delivers one alert. */
  codedriftd_result (*deliver)(codedriftd_sink* self, const codedriftd_alert* alert,
                               codedriftd_report* report) CODEDRIFTD_NOEXCEPT;

  /* Ends the instance; the process ends afterwards. After one second it may be killed. */
  void (*close)(codedriftd_sink* self) CODEDRIFTD_NOEXCEPT;

  /* May be NULL. Could the receiver be reached, and would it accept? Sends nothing a person would see. Results,
   * deadline and cancel_fd as for deliver(). */
  codedriftd_result (*probe)(codedriftd_sink* self, int64_t deadline_ns, int32_t cancel_fd,
                             codedriftd_report* report) CODEDRIFTD_NOEXCEPT;
} codedriftd_sink_api;

/* The exported function. host_minor is the minor version of the host; for one host_minor the table is the same on every
 * call. NULL: "I can't work with this host". */
typedef const codedriftd_sink_api* (*codedriftd_sink_entry_fn)(uint32_t host_minor)CODEDRIFTD_NOEXCEPT;

#define CODEDRIFTD_SINK_ENTRY_NAME "codedriftd_sink_v1"
__attribute__((visibility("default"))) const codedriftd_sink_api* codedriftd_sink_v1(uint32_t host_minor)
    CODEDRIFTD_NOEXCEPT;

/* Defines the entry function: CODEDRIFTD_SINK_ENTRY(my_table), where my_table is a codedriftd_sink_api object. */
#define CODEDRIFTD_SINK_ENTRY(table)                                                       \
  const codedriftd_sink_api* codedriftd_sink_v1(uint32_t host_minor) CODEDRIFTD_NOEXCEPT { \
    (void)host_minor;                                                                      \
    return &(table);                                                                       \
  }

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif
