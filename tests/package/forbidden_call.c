/* Preloaded into codedriftd-examiner: instead of reading the package it makes the call that $FORBIDDEN names, as code
   would that a package has smuggled in. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char* forbidden;

__attribute__((constructor)) static void read_environment(void) { forbidden = getenv("FORBIDDEN"); }

static ssize_t instead_of_reading(void) {
  if (strcmp(forbidden, "open") == 0) return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
  if (strcmp(forbidden, "socket") == 0) return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
  if (strcmp(forbidden, "clone") == 0) return syscall(SYS_clone, 17, 0, 0, 0, 0);
  if (strcmp(forbidden, "execve") == 0) return syscall(SYS_execve, "/bin/true", 0, 0);
  if (strcmp(forbidden, "kill") == 0) return syscall(SYS_kill, getppid(), 0);
  if (strcmp(forbidden, "write to another") == 0) return syscall(SYS_write, 2, "x", 1);
  if (strcmp(forbidden, "map code") == 0)
    return syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (strcmp(forbidden, "map the package") == 0) return syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, 0, 0);
  return syscall(SYS_write, 1, "Fnothing was forbidden", 22);
}

ssize_t pread64(int fd, void* buffer, size_t size, off_t offset);
ssize_t pread64(int fd, void* buffer, size_t size, off_t offset) {
  (void)fd, (void)buffer, (void)size, (void)offset;
  instead_of_reading();
  _exit(7);
}
ssize_t pread(int fd, void* buffer, size_t size, off_t offset) { return pread64(fd, buffer, size, offset); }
