#include "cloud/profile_file.h"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "base/text.h"

namespace codedriftd {
namespace {

std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool quoted(std::string_view value) {
  return value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
}

using Values = std::map<std::string, std::string_view>;  ///< views into the text

std::string_view value_of(const Values& own, const Values& defaults, const char* key) {
  if (const auto found = own.find(key); found != own.end()) return found->second;
  const auto found = defaults.find(key);
  return found == defaults.end() ? std::string_view() : found->second;
}

std::string no_such_section(std::string_view name, const std::vector<std::string>& sections) {
  if (sections.empty())
    return fmt::format("has no section [{}], and no other either; put [{}] above the keys", name, name);
  std::string list;
  for (std::size_t i = 0; i < sections.size() && i < 10; ++i)
    list += fmt::format("{}[{}]", i == 0 ? "" : ", ", sections[i]);
  if (sections.size() > 10) list += fmt::format(" and {} more", sections.size() - 10);
  return fmt::format("has no section [{}]; it has {}", name, list);
}

}  // namespace

Result<ProfileKeys> read_profile_section(std::string_view text, std::string_view name) {
  Values own, defaults;
  Values* values = nullptr;
  std::vector<std::string> sections;
  bool found = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (const auto close = line.rfind(']'); line.front() == '[' && close != std::string_view::npos) {
      const std::string_view section = trimmed(line.substr(1, close - 1));
      const bool ours = section == name;
      values = ours ? &own : section == "DEFAULT" ? &defaults : nullptr;
      found = found || ours;
      if (section != "DEFAULT") sections.push_back(harmless(clean_utf8(section, 60)));
      continue;
    }
    const auto delimiter = line.find_first_of("=:");
    if (values == nullptr || delimiter == std::string_view::npos) continue;
    (*values)[lowered(trimmed(line.substr(0, delimiter)))] = trimmed(line.substr(delimiter + 1));
  }
  if (!found) return Error{no_such_section(name, sections)};
  for (const char* key : {"secret_id", "secret_key", "token"}) {
    if (quoted(value_of(own, defaults, key))) {
      return Error{fmt::format("section [{}]: {} stands in quotes, which would belong to it; remove them", name, key)};
    }
  }
  ProfileKeys keys;
  keys.secret_id = value_of(own, defaults, "secret_id");
  keys.secret_key = Secret(std::string(value_of(own, defaults, "secret_key")));
  keys.token = Secret(std::string(value_of(own, defaults, "token")));
  return keys;
}

}  // namespace codedriftd
