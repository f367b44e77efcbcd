#pragma once
#include "base/clock.h"
#include "status/web.h"
#include "store/db/sqlite.h"

namespace codedriftd {

/// /api/v1/REPORT and /openapi.json: the JSON of `query`, from the same code. `path` of the request is one of them, or
/// nothing that there is. Throws SqliteError for a record that cannot be read.
WebReply answer_api(Database& db, const WebRequest& request, WallTime now);

}  // namespace codedriftd
