#include "control/permissions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

namespace codedriftd {
namespace {

/// Large enough for a group of many members.
using Buffer = std::array<char, 256 * 1024>;

std::optional<uid_t> user_named(const std::string& name, Buffer& buffer) {
  struct passwd entry {};
  struct passwd* found = nullptr;
  if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return entry.pw_uid;
}

std::optional<gid_t> group_named(const std::string& name, Buffer& buffer) {
  struct group entry {};
  struct group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return entry.gr_gid;
}

}  // namespace

Permissions::Permissions(const ControlSettings& settings, uid_t self) : always_{0, self} {
  const auto buffer = std::make_unique<Buffer>();
  const ControlSettings defaults;
  for (const auto& [verb, names] : settings.allowed) {
    Who& who = allowed_[verb];
    who.names = names;
    const auto& usual = defaults.allowed.find(verb)->second;
    for (const std::string& name : names) {
      bool known = false;
      if (name.starts_with('%')) {
        const auto gid = group_named(name.substr(1), *buffer);
        if (gid) who.groups.insert(*gid);
        known = gid.has_value();
      } else {
        const auto uid = user_named(name, *buffer);
        if (uid) who.users.insert(*uid);
        known = uid.has_value();
      }
      if (!known && std::find(usual.begin(), usual.end(), name) == usual.end()) unknown_.insert(name);
    }
  }
}

bool Permissions::among(const Who& who, const Caller& caller) {
  return who.users.contains(caller.uid) || std::any_of(caller.groups.begin(), caller.groups.end(),
                                                       [&](gid_t group) { return who.groups.contains(group); });
}

bool Permissions::may(const Caller& caller, std::string_view verb) const {
  return always_.contains(caller.uid) || among(allowed_.find(verb)->second, caller);
}

std::string Permissions::allowed(std::string_view verb) const {
  std::vector<std::string> words{"root"};
  for (const std::string& name : allowed_.find(verb)->second.names) {
    if (name != "root") words.push_back(name.starts_with('%') ? "group " + name.substr(1) : "user " + name);
  }
  if (words.size() == 1) return words.front();
  const std::string last = std::move(words.back());
  words.pop_back();
  return fmt::format("{} and {}", fmt::join(words, ", "), last);
}

bool Permissions::may_ask(const Caller& caller) const {
  return always_.contains(caller.uid) ||
         std::any_of(allowed_.begin(), allowed_.end(), [&](const auto& each) { return among(each.second, caller); });
}

}  // namespace codedriftd
