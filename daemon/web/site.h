#pragma once
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "store/db/sqlite.h"
#include "web/pages/pages.h"

namespace codedriftd {

/// The site on the status page's port: pages and API over one consistent view of the record for each request. Reads
/// only, over connections of its own, in the process of the daemon that writes the record. Thread-safe.
class Site {
 public:
  /// `database`: the path of the record, which this process has open for writing. `clock` outlives this object.
  Site(std::string database, PageSetting setting, const Clock& clock);

  /// Throws SqliteError and std::runtime_error for a record that cannot be read.
  WebReply answer(const WebRequest& request);

 private:
  const std::string database_;
  const PageSetting setting_;
  const Clock& clock_;
  Guarded<std::vector<Database>> idle_;  ///< connections that no request uses now
};

}  // namespace codedriftd
