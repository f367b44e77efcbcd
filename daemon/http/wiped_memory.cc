#include "http/wiped_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace codedriftd {
namespace {

// Signed links, signatures and answers go through libcurl's memory. It gives it back as it is, and a freed block keeps
// its bytes until it is used again, in a core dump too. So libcurl gets memory that is overwritten when it is freed.
void free_wiped(void* block) {
  if (block != nullptr) OPENSSL_cleanse(block, ::malloc_usable_size(block));
  std::free(block);
}

void* realloc_wiped(void* block, std::size_t size) {
  if (block == nullptr) return std::malloc(size);
  const std::size_t before = ::malloc_usable_size(block);
  if (size > 0 && size <= before && size >= before / 2) return block;
  void* moved = std::malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(before, size));
  free_wiped(block);
  return moved;
}

}  // namespace

CURLcode init_libcurl_wiping() {
  return curl_global_init_mem(CURL_GLOBAL_DEFAULT, std::malloc, free_wiped, realloc_wiped, ::strdup, std::calloc);
}

}  // namespace codedriftd
