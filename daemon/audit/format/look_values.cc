#include "audit/format/look_values.h"

#include <fmt/format.h>

#include "audit/format/values.h"

namespace codedriftd {

OrderedJson error_value(const PollError& error) {
  if (error.code.empty()) return nullptr;
  return {{"code", error.code}, {"message", error.message}, {"request_id", error.request_id}};
}

std::string trouble_words(const PollError& trouble) {
  if (trouble.code.empty()) return "nothing was listed";
  return trouble.message.empty() ? trouble.code : fmt::format("{}: {}", trouble.code, trouble.message);
}

OrderedJson looks_value(const std::vector<RegionLook>& looks) {
  OrderedJson list = OrderedJson::array();
  for (const RegionLook& look : looks) {
    const auto known = [&](OrderedJson value) { return look.looked ? std::move(value) : OrderedJson(); };
    OrderedJson gaps = OrderedJson::array();
    for (const LookGap& gap : look.gaps)
      gaps.push_back({{"from", rfc3339(gap.from)},
                      {"until", rfc3339(gap.until)},
                      {"listings", gap.listings},
                      {"error", error_value(gap.trouble)}});
    list.push_back({{"account", look.place.account},
                    {"region", look.place.region},
                    {"found", known(look.found)},
                    {"watched", known(look.watched)},
                    {"coverage", value_of(share_of(look.watched, look.found))},
                    {"last_complete_at", value_of(look.last_complete_at)},
                    {"failing", known(look.failing)},
                    {"error", error_value(look.trouble)},
                    {"gaps", std::move(gaps)}});
  }
  return list;
}

std::string words_of_look(const RegionLook& look) {
  const std::string where = fmt::format("{} in {}", look.place.account, look.place.region);
  if (!look.looked)
    return fmt::format("{}: never listed; nothing is known of functions that are not configured.", where);
  const auto share = share_of(look.watched, look.found);
  std::string words =
      fmt::format("{}: {} function{} found, {} of them watched{}", where, look.found, look.found == 1 ? "" : "s",
                  look.watched, share ? fmt::format(" ({})", percent(*share)) : "");
  words += look.last_complete_at ? fmt::format("; last listed completely at {}", rfc3339(*look.last_complete_at))
                                 : "; never listed completely, so there may be more";
  if (!look.trouble.code.empty())
    words += fmt::format("; {} ({})", look.failing ? "listings fail" : "the last listing was not complete",
                         trouble_words(look.trouble));
  return words + '.';
}

}  // namespace codedriftd
