#include "control/request.h"

#include <fmt/format.h>

#include <algorithm>

#include "actions/caller.h"
#include "base/json.h"

namespace codedriftd {
namespace {

/// The longest that a client may say it waits.
constexpr Millis kMostWithin{600'000};

}  // namespace

ControlRequest read_control_request(std::string_view line, std::size_t most_values) {
  ControlRequest understood;
  const auto not_understood = [&](const char* error, std::string trouble) {
    understood.error = error;
    understood.trouble = std::move(trouble);
    return understood;
  };
  if (line.size() > kLongestControlRequest)
    return not_understood("too_long", fmt::format("a request has {} bytes at most", kLongestControlRequest));
  const std::size_t end = line.find('\n');
  if (end == std::string_view::npos) return not_understood("malformed", "the request ended before its line did");
  if (end + 1 != line.size()) return not_understood("malformed", "one request on one line, and nothing after it");
  // Before it is read: eight megabytes of "[0,0,…" would be half a gigabyte of values.
  const auto values = std::count_if(line.begin(), line.end(), [](char c) { return c == ',' || c == ':' || c == '['; });
  if (static_cast<std::size_t>(values) > most_values)
    return not_understood("too_long", fmt::format("a request has {} values at most", most_values));
  Json request = parse_json(line.substr(0, end));
  if (!request.is_object()) return not_understood("malformed", "the request is not a JSON object");
  const auto text = [&](const char* name) {
    const auto member = request.find(name);
    return member != request.end() && member->is_string() ? clean_claim(member->get_ref<const std::string&>()) : "";
  };
  understood.verb = text("verb");
  understood.claimed = text("claimed");
  if (const auto within = request.find("within_ms"); within != request.end() && within->is_number_unsigned())
    understood.within = Millis{std::min<uint64_t>(within->get<uint64_t>(), static_cast<uint64_t>(kMostWithin.count()))};
  understood.request = std::move(request);
  if (understood.verb.empty()) return not_understood("malformed", "the request has no \"verb\"");
  return understood;
}

}  // namespace codedriftd
