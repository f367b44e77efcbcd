#include "actions/caller.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/text.h"

namespace codedriftd {

std::string actor_of(uid_t uid, std::string_view host) {
  const std::string at = host.empty() ? std::string() : fmt::format("@{}", host);
  struct passwd entry {};
  struct passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return fmt::format("uid:{}{}", uid, at);
  return fmt::format("uid:{}({}){}", uid, clean_claim(found->pw_name), at);
}

Caller this_caller(std::string_view host) {
  const char* sudo = std::getenv("SUDO_USER");
  return {::getuid(), actor_of(::getuid(), host), clean_claim(sudo == nullptr ? "" : sudo)};
}

std::string clean_claim(std::string_view text) { return harmless(clean_utf8(text, 64)); }

}  // namespace codedriftd
