#include "base/secret.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/byte_order_mark.h"
#include "base/unique_fd.h"

namespace codedriftd {

void wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.capacity());
  text.clear();
}

// memcpy leaves in the registers what it copied last, and the dynamic linker saves them on the stack, wherever that is
// then, when a function is called for the first time. So nothing is copied, in every size memcpy treats differently,
// before the stack is overwritten.
[[gnu::noinline]] void wipe_stack() {
  static void* (*const volatile copy)(void*, const void*, std::size_t) = std::memcpy;
  static constexpr char kNothing[2'048] = {};
  char below[64 * 1'024];
  for (std::size_t size = 8; size < sizeof kNothing; size *= 2) copy(below, kNothing, size + 1);
  OPENSSL_cleanse(below, sizeof below);
}

Secret::Secret(std::string text) : text_(std::move(text)) { codedriftd::wipe(text); }

Secret::Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    text_ = std::move(other.text_);
    other.wipe();
  }
  return *this;
}

Secret::~Secret() { wipe(); }

Secret Secret::clone() const { return Secret(text_); }

// A moved-from short string keeps its bytes in place, so the whole capacity is overwritten.
void Secret::wipe() { codedriftd::wipe(text_); }

std::string secret_file_path(const std::string& path) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (path.starts_with('/') || folder == nullptr || *folder == '\0') return path;
  return fmt::format("{}/{}", folder, path);
}

bool is_credential_of_the_service(const std::string& path) {
  return !path.empty() && !path.starts_with('/') && secret_file_path(path) == path;
}

Result<Secret> read_secret_file(const std::string& path) {
  const std::string full = secret_file_path(path);
  if (full == path && !path.starts_with('/')) {
    return Error{
        fmt::format("{}: a relative secret file is looked up under $CREDENTIALS_DIRECTORY, which is not set; "
                    "give an absolute path, or start through systemd with LoadCredential=",
                    path)};
  }
  const UniqueFd fd(::open(full.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return Error{fmt::format("{}: cannot be opened: {}", full, std::strerror(errno))};
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return Error{fmt::format("{}: {}", full, std::strerror(errno))};
  if (!S_ISREG(info.st_mode)) return Error{fmt::format("{}: is not a regular file", full)};
  // systemd's own credential folders are read-only for the group; writing by others is never right.
  if ((info.st_mode & 027) != 0) {
    return Error{fmt::format(
        "{0}: holds a secret, but its mode {1:04o} lets others read or change it; chmod 0600 {0}, or, where "
        "it is mounted into a container, mount it with mode 0400 and uid {2}, which this process runs as",
        full, info.st_mode & 07777, ::geteuid())};
  }
  if (info.st_size > 65'536)
    return Error{fmt::format("{}: is {} bytes long; a secret has 65536 at most", full, info.st_size)};
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  const auto first = text.find_first_not_of(" \t\r\n", text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  if (first == std::string::npos) return Error{fmt::format("{}: is empty; it should hold the secret", full)};
  const auto last = text.find_last_not_of(" \t\r\n");
  Secret secret(text.substr(first, last - first + 1));
  wipe(text);
  return secret;
}

}  // namespace codedriftd
