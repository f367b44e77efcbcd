#include "smtp/recipients.h"

#include <algorithm>

namespace codedriftd::smtp {
namespace {

constexpr std::size_t kMostBegun = 100;

bool among(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

std::deque<Recipients::Begun>::const_iterator Recipients::find(std::string_view alert_id) const {
  return std::find_if(begun_.begin(), begun_.end(), [&](const Begun& one) { return one.alert_id == alert_id; });
}

std::vector<std::string> Recipients::left(std::string_view alert_id, const std::vector<std::string>& to) const {
  const auto begun = find(alert_id);
  std::vector<std::string> rest;
  for (const std::string& one : to) {
    if (begun == begun_.end() || !among(begun->done, one)) rest.push_back(one);
  }
  return rest;
}

http_sink::Outcome Recipients::settle(std::string_view alert_id, const std::vector<std::string>& to, const Trace& trace,
                                      http_sink::Outcome outcome, MonoTime now) {
  const bool taken = outcome.result == CODEDRIFTD_DELIVERED;
  const auto known = find(alert_id);
  if (!taken && known == begun_.end()) return outcome;
  Begun begun = known == begun_.end() ? Begun{std::string(alert_id), {}} : *known;
  if (known != begun_.end()) begun_.erase(known);

  std::size_t refused = 0;
  int32_t waits_for = 0;
  for (const Exchange& exchange : trace.exchanges()) {
    const std::string one = recipient_of(exchange);
    if (one.empty() || exchange.code == 0) continue;
    if (exchange.code >= 400) ++refused;
    if (exchange.code >= 400 && exchange.code < 500) {
      const MonoTime since = late_.try_emplace(one, now).first->second;
      if (now - since < kLongestLate) waits_for = exchange.code;
    } else if (exchange.code >= 500 || taken) {
      late_.erase(one);
      begun.done.push_back(one);
    }
  }
  // The rest is refused, or the message for it is: it was taken for others, so it is no dead alert.
  const bool over = taken || refused == to.size() || outcome.result == CODEDRIFTD_REJECTED;
  if (!taken) outcome.text = "taken for the others before; not for all: " + outcome.text;
  if (over && waits_for == 0) {
    outcome.result = CODEDRIFTD_DELIVERED;
    return outcome;
  }
  if (over) {
    outcome.result = CODEDRIFTD_RETRY;
    outcome.status = waits_for;
    outcome.text += "; it is tried again for the rest";
  }
  begun_.push_back(std::move(begun));
  if (begun_.size() > kMostBegun) begun_.pop_front();
  return outcome;
}

}  // namespace codedriftd::smtp
