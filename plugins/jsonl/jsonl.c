/* The plugin `jsonl`: appends each alert as one line of JSON to a file. Plain C99, and the example to copy. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codedriftd/sink.h"

struct codedriftd_sink {
  char path[4097];
  int sync;
};

static codedriftd_result say(codedriftd_report* report, codedriftd_result result, const char* what, const char* path) {
  snprintf(report->text, report->text_cap, "%s: %s", what, path);
  return result;
}

/* After a system call: what gets better by itself (no space, no descriptors, a file system that is mounted again in a
 * moment or was read-only for one) is tried again; what somebody has to put right is refused. Either way the host keeps
 * the alert. */
static codedriftd_result failed(codedriftd_report* report, int error, const char* path) {
  static const int to_mend[] = {EACCES, EPERM, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, ENXIO, 0};
  const int* one = to_mend;
  while (*one != 0 && *one != error) ++one;
  return say(report, *one != 0 ? CODEDRIFTD_DESTINATION_REFUSED : CODEDRIFTD_RETRY, strerror(error), path);
}

/* The value of an option in config_json. The host made that, one flat object that fits the table below, so it is only
 * looked through here and not checked again. NULL if the option is not there. */
static const char* value_of(const char* json, const char* name) {
  const size_t length = strlen(name);
  int key = 0; /* the next string is a name: after '{' and after each ',' outside of strings and lists */
  for (int depth = 0; *json != '\0'; ++json) {
    if (*json == '{' || *json == '[') key = ++depth == 1;
    if (*json == '}' || *json == ']') --depth;
    if (*json == ',') key = depth == 1;
    if (*json != '"') continue;
    const char* const text = json + 1;
    do {
      json += *json == '\\' ? 2 : 1;
    } while (*json != '"');
    if (key && (size_t)(json - text) == length && memcmp(text, name, length) == 0) {
      return json + 1 + strspn(json + 1, " \t\r\n:");
    }
    key = 0;
  }
  return NULL;
}

/* Copies a JSON string without its quotes and escapes. 0 if it does not fit, or has a control character (\u). */
static int copy_string(const char* json, char* to, size_t size) {
  for (++json; *json != '"'; ++json) {
    if (*json == '\\' && strchr("\"\\/", *++json) == NULL) return 0;
    if (--size == 0) return 0;
    *to++ = *json;
  }
  *to = '\0';
  return 1;
}

static codedriftd_result sink_open(const codedriftd_host* host, const char* config_json, size_t config_len,
                                   codedriftd_sink** out, codedriftd_report* report) {
  codedriftd_sink* self = calloc(1, sizeof *self);
  (void)host, (void)config_len; /* there is nothing to log, and a 0 behind the text */
  if (self == NULL) return say(report, CODEDRIFTD_RETRY, "no memory", "jsonl");
  if (!copy_string(value_of(config_json, "path"), self->path, sizeof self->path) || self->path[0] != '/') {
    free(self);
    return say(report, CODEDRIFTD_REJECTED, "not an absolute path without control characters", "the option path");
  }
  self->sync = strncmp(value_of(config_json, "sync"), "true", 4) == 0;
  *out = self;
  return CODEDRIFTD_DELIVERED;
}

/* The file, to append to, or -1 with errno. It is opened for each alert, so that it can be moved away at any time. */
static int open_file(const codedriftd_sink* self, struct stat* info) {
  const int fd = open(self->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
  if (fd >= 0 && (fstat(fd, info) != 0 || !S_ISREG(info->st_mode))) {
    close(fd);
    errno = ENXIO; /* a terminal, a FIFO: not a place to keep something */
    return -1;
  }
  return fd;
}

static codedriftd_result sink_deliver(codedriftd_sink* self, const codedriftd_alert* alert, codedriftd_report* report) {
  struct stat info;
  const int fd = open_file(self, &info);
  if (fd < 0) return failed(report, errno, self->path);
  char* const line = malloc(alert->json_len + 2);
  if (line == NULL) return close(fd), say(report, CODEDRIFTD_RETRY, "no memory", self->path);
  size_t length = 0;
  char last = '\n';
  if (info.st_size > 0 && pread(fd, &last, 1, info.st_size - 1) == 1 && last != '\n')
    line[length++] = '\n';                       /* what an interrupted write left there stays a line of its own */
  for (size_t i = 0; i < alert->json_len; ++i) { /* a line break outside of strings is white space: there is no other */
    line[length++] = alert->json[i] == '\n' || alert->json[i] == '\r' ? ' ' : alert->json[i];
  }
  line[length++] = '\n';
  codedriftd_result result = CODEDRIFTD_DELIVERED;
  const ssize_t written = write(fd, line, length);
  if (written < 0 || (self->sync && fdatasync(fd) != 0)) {
    result = failed(report, errno, self->path);
  } else if ((size_t)written < length) { /* half a line is taken back, unless somebody has written behind it */
    const off_t end = lseek(fd, 0, SEEK_CUR);
    const int taken_back = fstat(fd, &info) == 0 && info.st_size == end && ftruncate(fd, end - written) == 0;
    result =
        say(report, CODEDRIFTD_RETRY, taken_back ? "no space for a whole line" : "half a line was written", self->path);
  }
  free(line);
  close(fd);
  return result;
}

static codedriftd_result sink_probe(codedriftd_sink* self, int64_t deadline_ns, int32_t cancel_fd,
                                    codedriftd_report* report) {
  struct stat info;
  const int fd = open_file(self, &info);
  (void)deadline_ns, (void)cancel_fd;
  return fd < 0 ? failed(report, errno, self->path) : (close(fd), CODEDRIFTD_DELIVERED);
}

static void sink_close(codedriftd_sink* self) { free(self); }

static const codedriftd_option options[] = {
    {"path", "the file, an absolute path", NULL, CODEDRIFTD_OPT_STRING, CODEDRIFTD_OPT_REQUIRED, 2, 4096, NULL},
    {"sync", "delivered means: on the disk", "false", CODEDRIFTD_OPT_BOOL, 0, 0, 0, NULL},
};

static const codedriftd_sink_api table = {
    .struct_size = sizeof(codedriftd_sink_api),
    .abi_minor = CODEDRIFTD_SINK_ABI_MINOR,
    .alert_schema = 1,
    .name = "jsonl",
    .version = "1.0",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .open = sink_open,
    .deliver = sink_deliver,
    .close = sink_close,
    .probe = sink_probe,
};

CODEDRIFTD_SINK_ENTRY(table)
