#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "status/web.h"
#include "store/db/database.h"

namespace codedriftd {

/// What every page says besides what is in the record.
struct PageSetting {
  std::string instance;
};

/// What pages load from here (/assets/…), the same as long as this program runs; nullopt for any other path.
std::optional<WebReply> answer_asset(const WebRequest& request);
/// A page with a title and a sentence, and nothing of the record.
WebReply words_page(const PageSetting& setting, WallTime now, int status, std::string_view title,
                    std::string_view words);
/// The pages for people: /, /function/ADDRESS, /alerts, /log. Complete HTML made here; a script only makes them live.
/// Throws StoreError for a record that cannot be read.
WebReply answer_page(Database& db, const WebRequest& request, const PageSetting& setting, WallTime now);

}  // namespace codedriftd
