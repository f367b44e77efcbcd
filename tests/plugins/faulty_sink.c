/* A plugin that misbehaves as its option `mode` says, for the tests of the process that hosts it. Plain C99. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "codedriftd/sink.h"

#ifndef FAULTY_STRUCT_SIZE
#define FAULTY_STRUCT_SIZE sizeof(codedriftd_sink_api)
#endif

#ifndef FAULTY_VERSION
#define FAULTY_VERSION "1.0 (test)"
#endif

#ifdef FAULTY_LOADING /* does wrong before anybody has asked it anything */
__attribute__((constructor)) static void crash(void) { abort(); }
#endif

struct codedriftd_sink {
  const codedriftd_host* host;
  char config[4096];
};

static int mode_is(const codedriftd_sink* self, const char* mode) {
  char wanted[64];
  snprintf(wanted, sizeof wanted, "\"mode\":\"%s\"", mode);
  return strstr(self->config, wanted) != NULL;
}

static void say(codedriftd_report* report, const char* text) { snprintf(report->text, report->text_cap, "%s", text); }

static void hang(void) {
  for (;;) pause();
}

static int wait_for_cancel(int cancel_fd) {
  struct pollfd fd = {cancel_fd, POLLIN, 0};
  while (poll(&fd, 1, -1) < 0 && errno == EINTR) continue;
  return (fd.revents & POLLIN) != 0;
}

static codedriftd_result sink_open(const codedriftd_host* host, const char* config_json, size_t config_len,
                                   codedriftd_sink** out, codedriftd_report* report) {
  static codedriftd_sink sink;
  if (config_len >= sizeof sink.config) return CODEDRIFTD_REJECTED;
  sink.host = host;
  memcpy(sink.config, config_json, config_len + 1);
  if (mode_is(&sink, "open_rejects")) {
    say(report, "not with these options");
    return CODEDRIFTD_REJECTED;
  }
  if (mode_is(&sink, "open_later")) {
    say(report, "come back later");
    report->retry_after_ms = 7000;
    return CODEDRIFTD_RETRY;
  }
  if (mode_is(&sink, "open_in_weeks")) {
    report->retry_after_ms = UINT32_MAX;
    return CODEDRIFTD_RETRY;
  }
  if (mode_is(&sink, "open_crashes")) abort();
  if (mode_is(&sink, "open_gives_nothing")) return CODEDRIFTD_DELIVERED;
  *out = &sink;
  return CODEDRIFTD_DELIVERED;
}

static codedriftd_result sink_deliver(codedriftd_sink* self, const codedriftd_alert* alert, codedriftd_report* report) {
  int i;
  if (mode_is(self, "echo")) { /* what it was given, for the test to look at */
    snprintf(report->text, report->text_cap, "%s|%s|%u|%s", alert->id, alert->json, alert->attempt, self->config);
    report->status = 299;
    return CODEDRIFTD_DELIVERED;
  }
  if (mode_is(self, "length")) {
    snprintf(report->text, report->text_cap, "%zu", alert->json_len);
    return alert->json[alert->json_len] == 0 ? CODEDRIFTD_DELIVERED : CODEDRIFTD_REJECTED;
  }
  if (mode_is(self, "later")) {
    say(report, "busy");
    report->status = 429;
    report->retry_after_ms = 90000;
    return CODEDRIFTD_RETRY;
  }
  if (mode_is(self, "in_weeks")) {
    report->retry_after_ms = UINT32_MAX;
    return CODEDRIFTD_RETRY;
  }
  if (mode_is(self, "rejects")) return CODEDRIFTD_REJECTED;
  if (mode_is(self, "refuses")) return CODEDRIFTD_DESTINATION_REFUSED;
  if (mode_is(self, "crash")) abort();
  if (mode_is(self, "segv")) raise(SIGSEGV);
  if (mode_is(self, "exit")) _exit(0);
  if (mode_is(self, "garbage_result")) return 42;
  if (mode_is(self, "hang")) hang();
  if (mode_is(self, "hang_politely")) {
    say(report, wait_for_cancel(alert->cancel_fd) ? "asked to stop" : "?");
    return CODEDRIFTD_RETRY;
  }
  if (mode_is(self, "hang_once")) { /* the cancel must be gone by the next call */
    struct pollfd fd = {alert->cancel_fd, POLLIN, 0};
    if (alert->attempt == 1) wait_for_cancel(alert->cancel_fd);
    say(report, poll(&fd, 1, 0) == 1 ? "cancelled" : "free");
    return CODEDRIFTD_RETRY;
  }
  if (mode_is(self, "tells_all")) { /* everything it knows, everywhere it can */
    self->host->log(self->host->ctx, CODEDRIFTD_LOG_WARNING, self->config, strlen(self->config));
    fprintf(stderr, "printed %s\n", self->config);
    return say(report, self->config), CODEDRIFTD_DELIVERED;
  }
  if (mode_is(self, "log_flood")) {
    for (i = 0; i < 20000; ++i) self->host->log(self->host->ctx, CODEDRIFTD_LOG_WARNING, "flood", 5);
    return CODEDRIFTD_DELIVERED;
  }
  if (mode_is(self, "log_forever")) {
    for (;;) self->host->log(self->host->ctx, CODEDRIFTD_LOG_WARNING, "flood", 5);
  }
  if (mode_is(self, "prints")) {
    for (i = 0; i < 100000; ++i) puts("what a plugin prints");
    fflush(stdout);
    fputs("half a line", stderr);
    return CODEDRIFTD_DELIVERED;
  }
  if (mode_is(self, "huge_text")) {
    memset(report->text, 'x', report->text_cap); /* without the final 0 */
    return CODEDRIFTD_RETRY;
  }
  if (mode_is(self, "bad_text")) {
    memcpy(report->text, "\xff\xfe ok", 6);
    return CODEDRIFTD_RETRY;
  }
  if (mode_is(self, "nonsense")) { /* bytes of its own on the daemon's socket */
    if (write(3, "not a frame, and it does not want to be one", 43) < 0) abort();
    return CODEDRIFTD_DELIVERED;
  }
  if (mode_is(self, "closes")) {
    for (i = 0; i < 64; ++i) close(i);
    hang();
  }
  if (mode_is(self, "forks")) { /* a child of its own that holds everything open */
    const pid_t child = fork();
    if (child == 0) hang();
    snprintf(report->text, report->text_cap, "%d", (int)child);
    return CODEDRIFTD_DELIVERED;
  }
  if (mode_is(self, "leaks")) {
    if (open("/dev/null", O_RDONLY) < 0) return CODEDRIFTD_RETRY;
    for (i = 0; open("/dev/null", O_RDONLY) >= 0; ++i) continue;
    snprintf(report->text, report->text_cap, "%d", i);
    return CODEDRIFTD_DELIVERED;
  }
  if (mode_is(self, "leaks_memory")) { /* until there is no more */
    size_t mebibytes = 0;
    char* block;
    while (mebibytes < 4096 && (block = malloc(1 << 20)) != NULL) {
      memset(block, 1, 1 << 20);
      ++mebibytes;
    }
    snprintf(report->text, report->text_cap, "%zu", mebibytes);
    return CODEDRIFTD_RETRY;
  }
  if (mode_is(self, "forks_many")) {
    for (i = 0; i < 20; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        for (i = 0; i < 64; ++i) close(i); /* they hold nothing, and end with the rest of the process group */
        hang();
      }
    }
    abort();
  }
  if (mode_is(self, "writes_to_nobody")) {
    int ends[2];
    if (pipe(ends) != 0) return CODEDRIFTD_RETRY;
    close(ends[0]);
    snprintf(report->text, report->text_cap, "%s", write(ends[1], "x", 1) < 0 ? strerror(errno) : "written");
    return CODEDRIFTD_DELIVERED;
  }
  if (mode_is(self, "limits")) {
    struct rlimit core, files, memory;
    int death_signal = 0;
    prctl(PR_GET_PDEATHSIG, &death_signal);
    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_AS, &memory);
    snprintf(report->text, report->text_cap,
             "core %ld, files %ld, MiB %ld, no new privileges %d, death signal %d, group %d", (long)core.rlim_max,
             (long)files.rlim_max, (long)(memory.rlim_max >> 20), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), death_signal,
             getpgrp() == getpid());
    return CODEDRIFTD_DELIVERED;
  }
  if (mode_is(self, "version")) return say(report, FAULTY_VERSION), CODEDRIFTD_DELIVERED;
  if (mode_is(self, "slow_version")) { /* a second, whatever anybody asks for */
    const struct timespec second = {1, 0};
    nanosleep(&second, NULL);
    return say(report, FAULTY_VERSION), CODEDRIFTD_DELIVERED;
  }
  if (mode_is(self, "lists")) { /* open descriptors and the environment */
    size_t used = 0;
    extern char** environ;
    char** variable;
    for (i = 0; i < 64; ++i) {
      if (fcntl(i, F_GETFD) >= 0) used += (size_t)snprintf(report->text + used, report->text_cap - used, "%d ", i);
    }
    for (variable = environ; *variable != NULL && used < report->text_cap; ++variable) {
      used += (size_t)snprintf(report->text + used, report->text_cap - used, "%s ", *variable);
    }
    return CODEDRIFTD_DELIVERED;
  }
  return CODEDRIFTD_DELIVERED;
}

static void sink_close(codedriftd_sink* self) {
  if (mode_is(self, "close_hangs")) hang();
}

static codedriftd_result sink_probe(codedriftd_sink* self, int64_t deadline_ns, int32_t cancel_fd,
                                    codedriftd_report* report) {
  (void)deadline_ns;
  (void)cancel_fd;
  say(report, "probed");
  return mode_is(self, "refuses") ? CODEDRIFTD_DESTINATION_REFUSED : CODEDRIFTD_DELIVERED;
}

static const codedriftd_option options[] = {
    {"mode", "what to do wrong", "echo", CODEDRIFTD_OPT_STRING, 0, 0, 0, NULL},
    {"number", "a number", "7", CODEDRIFTD_OPT_INT, 0, 1, 10, NULL},
    {"token", "a secret", NULL, CODEDRIFTD_OPT_STRING, CODEDRIFTD_OPT_SECRET, 0, 0, NULL},
};

static const codedriftd_sink_api table = {FAULTY_STRUCT_SIZE,
                                          CODEDRIFTD_SINK_ABI_MINOR,
                                          1,
                                          0,
                                          "faulty",
                                          FAULTY_VERSION,
                                          options,
                                          sizeof options / sizeof options[0],
                                          sizeof options[0],
                                          60,
                                          5,
                                          sink_open,
                                          sink_deliver,
                                          sink_close,
                                          sink_probe};

CODEDRIFTD_SINK_ENTRY(table)
