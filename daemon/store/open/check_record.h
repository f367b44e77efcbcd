#pragma once
/// Whether a daemon can work with the record on a server, asked before one is started.
#include <string>
#include <vector>

#include "base/result.h"
#include "settings/settings.h"
#include "store/db/database.h"

namespace codedriftd {

struct RecordCheck {
  /// Something that is not as it should be, and what to do. Holds no password.
  struct Finding {
    std::string key;  ///< of [store]
    std::string words;
  };
  int schema = 0;  ///< the version that was found; 0: none, or it was not got to
  std::vector<Finding> faults, warnings;
};

/// Connects as the daemon does, and as who reads, if that is another role: is the server there, does it take writes, is
/// it new enough, is the record in that database, of this program's schema, and may the role write what a daemon
/// writes. Changes nothing. REQUIRES: there is a server. Throws nothing but std::bad_alloc.
RecordCheck check_record(const StoreSettings& store);

/// The fact that says where a record was moved (`codedriftd move`), and when. It stays readable where it was.
inline constexpr std::string_view kMovedTo = "moved_to";
/// Fails where it was: nobody writes to it any more. REQUIRES: this program's schema. Throws StoreError.
Checked check_not_moved(Database& db);

/// What is wrong with a connection that something stands in the way of which keeps no session, such as a pooler;
/// empty: nothing. REQUIRES: PostgreSQL. Throws StoreError.
std::string session_trouble(Database& db);

/// What a daemon writes and the role of this connection may not, such as "INSERT into event"; empty: it may. REQUIRES:
/// PostgreSQL, this program's schema. Throws StoreError.
std::vector<std::string> missing_rights(Database& db);

}  // namespace codedriftd
