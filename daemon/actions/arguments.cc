#include "actions/arguments.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"

namespace codedriftd {

Arguments::Arguments(const Json& json) : json_(json) {
  if (!json.is_object()) trouble_ = "the arguments are no object";
}

std::string Arguments::text(const char* name) {
  const Json* member = find(name);
  if (member == nullptr) return {};
  if (member->is_string()) return member->get<std::string>();
  wrong(name, "a text");
  return {};
}

std::string Arguments::filled(const char* name) {
  std::string value = text(name);
  if (value.empty() && json_.is_object() && json_.contains(name)) wrong(name, "a text that is not empty");
  return value;
}

std::vector<std::string> Arguments::texts(const char* name) {
  const Json* member = find(name);
  std::vector<std::string> all;
  if (member == nullptr) return all;
  if (!member->is_array()) {
    wrong(name, "a list");
    return all;
  }
  for (const Json& item : *member) {
    if (!item.is_string()) {
      wrong(name, "a list of texts");
      return all;
    }
    all.push_back(item.get<std::string>());
  }
  return all;
}

std::optional<WallTime> Arguments::time(const char* name) {
  const std::string value = text(name);
  if (value.empty()) return std::nullopt;
  const auto parsed = parse_rfc3339(value);
  if (!parsed) wrong(name, "a time (RFC 3339)");
  return parsed;
}

std::optional<int64_t> Arguments::number(const char* name) {
  const Json* member = find(name);
  if (member == nullptr) return std::nullopt;
  if (member->is_number_integer() && (!member->is_number_unsigned() || member->get<uint64_t>() <= INT64_MAX))
    return member->get<int64_t>();
  wrong(name, "a whole number");
  return std::nullopt;
}

std::optional<Millis> Arguments::millis(const char* name) {
  constexpr int64_t kMost = 366LL * 24 * 3'600'000;
  const auto value = number(name);
  if (!value) return std::nullopt;
  if (*value >= 0 && *value <= kMost) return Millis{*value};
  wrong(name, "a number of milliseconds, a year at most");
  return std::nullopt;
}

std::optional<Sha256> Arguments::sha256(const char* name) {
  const std::string value = text(name);
  if (value.empty()) return std::nullopt;
  const auto digest = Sha256::from_hex(value);
  if (!digest) wrong(name, "a hash (64 hex digits)");
  return digest;
}

std::optional<ContentDigest> Arguments::content(const char* name) {
  const std::string value = text(name);
  if (value.empty()) return std::nullopt;
  const auto digest = ContentDigest::parse(value);
  if (!digest) wrong(name, "a content digest (h1: and 44 characters of base64)");
  return digest;
}

bool Arguments::flag(const char* name) {
  const Json* member = find(name);
  if (member != nullptr && !member->is_boolean()) wrong(name, "true or false");
  return member != nullptr && member->is_boolean() && member->get<bool>();
}

std::vector<const Json*> Arguments::objects(const char* name) {
  const Json* member = find(name);
  std::vector<const Json*> all;
  if (member == nullptr) return all;
  if (!member->is_array()) {
    wrong(name, "a list");
    return all;
  }
  for (const Json& item : *member) {
    if (!item.is_object()) wrong(name, "a list of objects");
    all.push_back(&item);
  }
  return all;
}

std::string Arguments::trouble() {
  if (!trouble_.empty() || !json_.is_object()) return trouble_;
  for (const auto& member : json_.items()) {
    if (!known_.contains(member.key()))
      return fmt::format("there is no argument \"{}\"", harmless(clean_utf8(member.key(), 100)));
  }
  return {};
}

const Json* Arguments::find(const char* name) {
  known_.insert(name);
  if (!json_.is_object()) return nullptr;
  const auto member = json_.find(name);
  return member == json_.end() ? nullptr : &*member;
}

void Arguments::wrong(const char* name, const char* expected) {
  if (trouble_.empty()) trouble_ = fmt::format("the argument \"{}\" is not {}", name, expected);
}

}  // namespace codedriftd
