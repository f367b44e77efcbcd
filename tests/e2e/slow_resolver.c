/* Preloaded in front of the C library: a name that ends in ".test" takes twenty seconds to not be found. Says in the
 * file $SLOW_RESOLVER_LOG that it was asked, so that a test knows that it was in the way. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*resolver)(const char*, const char*, const struct addrinfo*, struct addrinfo**);

int getaddrinfo(const char* node, const char* service, const struct addrinfo* hints, struct addrinfo** result) {
  const size_t length = node == NULL ? 0 : strlen(node);
  if (length > 5 && strcmp(node + length - 5, ".test") == 0) {
    const char* name = getenv("SLOW_RESOLVER_LOG");
    FILE* log = name == NULL ? NULL : fopen(name, "a");
    if (log != NULL) {
      fprintf(log, "%s\n", node);
      fclose(log);
    }
    sleep(20);
    return EAI_NONAME;
  }
  return ((resolver)dlsym(RTLD_NEXT, "getaddrinfo"))(node, service, hints, result);
}
