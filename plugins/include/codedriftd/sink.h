/* The codedriftd alert-sink plugin ABI, major version 1.  C99 and C++20 (gcc, clang); needs no other header of
 * codedriftd.
 *
 * A plugin is a shared object that exports ONE symbol, codedriftd_sink_v1: a function that returns the plugin's table
 * (codedriftd_sink_api).  CODEDRIFTD_SINK_ENTRY(table) writes it.  The major version is part of the name: a host that
 * knows version 2 looks for codedriftd_sink_v2 first and then for codedriftd_sink_v1, so old plugins go on working.
 *
 * A plugin is loaded by a small host process of its own, one process for each alert destination.  If it crashes or
 * hangs, that process is ended and started again; the daemon and other destinations do not notice.  This is no
 * security boundary: the process runs as the daemon's user.  It has no terminal (what is written to stdout or stderr is
 * logged), no environment but the proxy variables and CREDENTIALS_DIRECTORY, at most 64 descriptors and 512 MiB.
 *
 * Rules for everything below:
 *  - Growth.  A struct grows only at its end.  struct_size is what its OWNER was compiled with, so the other side reads
 * a member that is not in version 1.0 only if CODEDRIFTD_HAS() says it is there.  Nothing is inserted, moved or given
 *    another type; numbers of enums and flag bits are never used again.  Members named reserved_ are 0.
 *  - Memory.  Nobody frees the other side's memory.  What a pointer argument points to lives until the call returns.
 *  - Text.  UTF-8.  Where a length stands beside a pointer, the byte at [length] is 0 as well.
 *  - Threads.  open, deliver, probe and close of one instance are called from one thread, never two at once.  Threads
 * the plugin started must have ended when close() returns.  Functions of codedriftd_host may be called from any thread.
 *  - Manners.  No function throws, longjmps or exits, or changes signal handlers, the locale or the working directory,
 *    or touches a descriptor it did not open.
 *  - Time.  NAME_ns is nanoseconds on CLOCK_MONOTONIC; NAME_ms is milliseconds.
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

/* True if *p, as its owner compiled it, has the member m. */
#define CODEDRIFTD_HAS(p, m) ((p)->struct_size >= offsetof(__typeof__(*(p)), m) + sizeof((p)->m))

/* What came of a call.  When in doubt: CODEDRIFTD_RETRY.  Any other value is a fault of the plugin. */
typedef int32_t codedriftd_result;
enum {
  CODEDRIFTD_DELIVERED = 0, /* the receiver has taken the alert over; the host forgets it */
  CODEDRIFTD_RETRY = 1,     /* not delivered, or not known: the same alert comes again, see retry_after_ms */
  CODEDRIFTD_REJECTED = 2,  /* this alert will never be accepted (HTTP 400, 413, 415, 422); the next one may be */
  CODEDRIFTD_DESTINATION_REFUSED = 3 /* nothing is accepted here until somebody acts (HTTP 401, 403, 404, 410): the host
                                        keeps every alert, stops sending, and asks now and then */
};

typedef int32_t codedriftd_log_level; /* syslog's numbers */
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

/* One setting the plugin takes, under [alert.options].  The host refuses unknown names, wrong types, values out of
 * range and missing required ones, with file, line and column, BEFORE open() is called, and prints this table for
 * people.
 *
 * NAME_file names a file with restricted permissions; the host reads it before every open() and gives its text, without
 * white space around it, as NAME.  The plugin never sees NAME_file. */
typedef struct codedriftd_option {
  const char* name;          /* [a-z][a-z0-9_]*, at most 32 bytes */
  const char* help;          /* one line, with the unit */
  const char* default_value; /* given to open() when nothing is configured, as plain text: abc, 15, true, a|b for a
                                list. NULL: the member is then absent from config_json */
  codedriftd_option_type type;
  uint32_t flags;      /* CODEDRIFTD_OPT_* bits; a host ignores those it does not know */
  int64_t min, max;    /* least and most, both included: the value of an integer, the bytes of a string, the items of a
                          list; both 0: any */
  const char* choices; /* strings and lists: "a|b|c", the only values allowed; NULL: any */
} codedriftd_option;

/* What the host offers.  Lives from open() to the end of close(). */
typedef struct codedriftd_host {
  uint32_t struct_size;
  uint32_t abi_minor; /* the minor version the host was built with */
  void* ctx;          /* first argument of the functions below */
  /* Writes a line to the daemon's log.  Copies the text, never blocks; beyond 20 lines a second lines are dropped and
   * counted.  Secrets must not be in it. */
  void (*log)(void* ctx, codedriftd_log_level level, const char* text, size_t text_len) CODEDRIFTD_NOEXCEPT;
} codedriftd_host;

/* Where a call puts its explanation.  Zero, and an empty text, when the call begins. */
typedef struct codedriftd_report {
  uint32_t struct_size;
  uint32_t retry_after_ms; /* with CODEDRIFTD_RETRY: not before this has passed; 0: the host's own back-off */
  char* text;              /* the host's buffer, for a 0-terminated text: why it failed, or the receiver's words or id.
                              It is stored and shown to people: no secrets */
  size_t text_cap;         /* bytes at text, the final 0 included; 512 at least */
  int32_t status;          /* HTTP or SMTP status, exit status; 0: none */
  int32_t reserved_;
} codedriftd_report;

/* One alert to deliver. */
typedef struct codedriftd_alert {
  uint32_t struct_size;
  uint32_t attempt; /* 1 for the first try of this alert */
  const char* id;   /* the same in every attempt: the receiver's key for telling repetitions.  [A-Za-z0-9_-]{1,64} */
  size_t id_len;
  const char* json; /* an object with "schema": "codedriftd.alert.v1"; members not known must be ignored.  The same
                       bytes in every attempt; 128 KiB at most */
  size_t json_len;
  int64_t deadline_ns; /* return by then, with CODEDRIFTD_RETRY if nothing better is known.  Two seconds later the
                          process is killed */
  int32_t
      cancel_fd; /* readable (POLLIN) as soon as the call should end: poll it beside the plugin's own, don't read it */
  int32_t reserved_;
} codedriftd_alert;

typedef struct codedriftd_sink codedriftd_sink; /* an instance: the plugin's own type */

/* The plugin's table: constant, in static storage.  It is read without open() being called. */
typedef struct codedriftd_sink_api {
  uint32_t struct_size;  /* sizeof(codedriftd_sink_api) */
  uint32_t abi_minor;    /* CODEDRIFTD_SINK_ABI_MINOR */
  uint32_t alert_schema; /* N of the newest codedriftd.alert.vN the plugin reads; the host sends that or an older one */
  uint32_t flags;        /* 0; a host ignores bits it does not know */
  const char* name;      /* [a-z0-9_-]{1,32} */
  const char* version;   /* the plugin's own, free text, at most 64 bytes */
  const codedriftd_option* options;
  uint32_t option_count; /* 64 at most */
  uint32_t option_size;  /* sizeof(codedriftd_option): the stride of the array */
  uint32_t per_minute,
      burst; /* how many alerts a minute, and at once, the receiver is published to take; 0: no limit */

  /* Makes an instance.  config_json is an object of the configured options, checked against the table, with defaults
   * and the text of secret files filled in.  Must return within ten seconds, without waiting for the receiver.
   * CODEDRIFTD_DELIVERED: *out is the instance, not NULL.  CODEDRIFTD_RETRY: not now.  CODEDRIFTD_REJECTED or
   * CODEDRIFTD_DESTINATION_REFUSED: not with this configuration.  In these cases report says why and close() is not
   * called. */
  codedriftd_result (*open)(const codedriftd_host* host, const char* config_json, size_t config_len,
                            codedriftd_sink** out, codedriftd_report* report) CODEDRIFTD_NOEXCEPT;
  /* Delivers one alert. */
  codedriftd_result (*deliver)(codedriftd_sink* self, const codedriftd_alert* alert,
                               codedriftd_report* report) CODEDRIFTD_NOEXCEPT;
  /* Ends the instance; the process ends afterwards.  Two seconds, then it is killed. */
  void (*close)(codedriftd_sink* self) CODEDRIFTD_NOEXCEPT;
  /* May be NULL.  Could the receiver be reached, and would it accept?  Sends nothing a person would see.  Results,
   * deadline and cancel_fd as for deliver(). */
  codedriftd_result (*probe)(codedriftd_sink* self, int64_t deadline_ns, int32_t cancel_fd,
                             codedriftd_report* report) CODEDRIFTD_NOEXCEPT;
} codedriftd_sink_api;

/* host_minor is the minor version of the host.  The table is the same on every call; NULL: "I can't work with this
 * host". */
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
