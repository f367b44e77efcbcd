#pragma once
#include <string>

#include "base/clock.h"
#include "status/web.h"
#include "store/db/sqlite.h"

namespace codedriftd {

/// What every page says besides what is in the record.
struct PageSetting {
  std::string instance;
};

/// The pages for people: /, /function/ADDRESS, /alerts, /log, and what they load from here (/assets/…). Complete HTML
/// made here; a script only makes them live. Throws SqliteError for a record that cannot be read.
WebReply answer_page(Database& db, const WebRequest& request, const PageSetting& setting, WallTime now);

}  // namespace codedriftd
