#include "discovery/detail_troubles.h"

#include <fmt/format.h>

#include "base/text.h"

namespace codedriftd {
namespace {

constexpr Millis kSaidAgainAfter{86'400'000};

}  // namespace

std::optional<DetailTroubles::Word> DetailTroubles::note(const Details& details, MonoTime now) {
  const DetailWish& wish = details.wish;
  const std::string code = details.missing ? "" : details.trouble.code;  // one that is not there is no trouble
  const std::pair function(wish.ns, wish.name);
  std::optional<Word> word;
  for (auto at = troubles_.lower_bound({wish.account, wish.region, ""}); at != troubles_.end();) {
    const auto& [account, region, known_code] = at->first;
    if (account != wish.account || region != wish.region) break;
    if (known_code == code || at->second.functions.erase(function) == 0 || !at->second.functions.empty()) {
      ++at;
      continue;
    }
    word = Word{true, fmt::format("versions, aliases and kinds of functions of {} in {} can be read again ({})",
                                  wish.account, wish.region, harmless(known_code))};
    at = troubles_.erase(at);
  }
  if (code.empty()) return word;
  const auto [at, fresh] = troubles_.try_emplace({wish.account, wish.region, code});
  at->second.functions.insert(function);
  if (!fresh && now - at->second.said_at < kSaidAgainAfter) return word;
  at->second.said_at = now;
  return Word{false,
              fmt::format("{}/{}/{}/{}: what a rule wants to know beside its code could not be read, others in this "
                          "region may have the same trouble: {}",
                          wish.account, wish.region, wish.ns, wish.name, details.trouble.message)};
}

}  // namespace codedriftd
