// What a plugin's command must not do, tried one after the other: tests/booted runs it as the command of `exec` under
// the shipped unit, and once as root without it, to see that the tries are good ones.
//   trespasser FILE PID     a line for each try, into FILE: "stopped WHAT: WHY", or "DONE WHAT"; PID: another process
// It changes nothing that lasts: what it makes it removes.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE* out;
static pid_t other;

static int write_to(const char* path) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return 0;
  close(fd);
  unlink(path);
  return 1;
}
static int write_etc(void) { return write_to("/etc/trespassed"); }
static int write_usr(void) { return write_to("/usr/trespassed"); }
static int write_configuration(void) { return write_to("/etc/codedriftd/trespassed"); }

/// Something is seen in it: ProtectHome= leaves an empty folder that is closed.
static int read_home(void) {
  DIR* const home = opendir("/home/visitor");
  if (home == NULL) return 0;
  closedir(home);
  return 1;
}

static int mount_something(void) {
  if (mount("none", "/mnt", "tmpfs", 0, NULL) != 0) return 0;
  umount("/mnt");
  return 1;
}

static int opens(int family, int type, int protocol) {
  const int fd = socket(family, type, protocol);
  if (fd < 0) return 0;
  close(fd);
  return 1;
}
static int raw_socket(void) { return opens(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static int packet_socket(void) { return opens(AF_PACKET, SOCK_RAW, 0); }
static int netlink_socket(void) { return opens(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }

static int trace_process(void) {
  if (ptrace(PTRACE_SEIZE, other, NULL, NULL) != 0) return 0;
  ptrace(PTRACE_INTERRUPT, other, NULL, NULL);
  waitpid(other, NULL, __WALL);
  ptrace(PTRACE_DETACH, other, NULL, NULL);
  return 1;
}
static int signal_process(void) { return kill(other, SIGCONT) == 0; }
static int see_process(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/cmdline", (int)other);
  return access(path, F_OK) == 0;
}

/// What is loaded is none: who may load is told so (ENOEXEC and the like), who may not, that he may not.
static int load_module(void) {
  static char nothing[64];
  return syscall(SYS_init_module, nothing, sizeof nothing, "") == 0 || (errno != EPERM && errno != ENOSYS);
}

static int new_namespace(void) { return unshare(CLONE_NEWNS) == 0; }
static int code_at_run_time(void) {
  void* const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return 0;
  munmap(page, 4096);
  return 1;
}
/// In a folder that the service may write to.
static int set_user_id(void) {
  char path[] = "/tmp/trespassed-XXXXXX";
  const int fd = mkstemp(path);
  if (fd < 0) return 0;
  const int done = fchmod(fd, 04755) == 0;
  const int why = errno;
  close(fd);
  unlink(path);
  errno = why;
  return done;
}
static int become_root(void) { return setuid(0) == 0; }

static const struct {
  const char* what;
  int (*done)(void);
} kTries[] = {
    {"write to /etc", write_etc},
    {"write to /usr", write_usr},
    {"write to its configuration", write_configuration},
    {"read a home", read_home},
    {"mount", mount_something},
    {"open a raw socket", raw_socket},
    {"open a packet socket", packet_socket},
    {"open a netlink socket", netlink_socket},
    {"trace another process", trace_process},
    {"signal another process", signal_process},
    {"see another's process", see_process},
    {"load a kernel module", load_module},
    {"make a namespace", new_namespace},
    {"make code at run time", code_at_run_time},
    {"make a set-user-ID file", set_user_id},
    {"become root", become_root},
};

int main(int argc, char** argv) {
  if (argc != 3 || (out = fopen(argv[1], "we")) == NULL) return 64;
  other = (pid_t)atoi(argv[2]);
  for (size_t i = 0; i < sizeof kTries / sizeof kTries[0]; ++i) {
    errno = 0;
    if (kTries[i].done()) {
      fprintf(out, "DONE %s\n", kTries[i].what);
    } else {
      fprintf(out, "stopped %s: %s\n", kTries[i].what, strerror(errno));
    }
  }
  return fclose(out) == 0 ? 0 : 1;
}
