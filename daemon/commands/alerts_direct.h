#pragma once
/// `alerts` without a daemon: the command is the one writer meanwhile. Private to commands/.
#include <memory>

#include "service/alert_actions.h"
#include "settings/settings.h"
#include "store/lock.h"
#include "store/outbox_actions.h"
#include "store/writer.h"

namespace codedriftd {

/// The record, opened for writing. Holds the state folder's lock.
class DirectRecord {
 public:
  /// Becomes the owner of the state folder (see become_owner), takes the lock, opens the database. Throws
  /// std::runtime_error for what is in the way, with what to do.
  DirectRecord(const Settings& settings, const Clock& clock);
  ~DirectRecord();

  Result<JsonBox, NothingDone> perform(const AlertRequest& request, const Caller& caller);
  /// Delivers a queued test at once, on this thread; whatever comes of it is its end: nobody would go on trying.
  outbox::TestOutcome deliver_test(const std::string& alert, const std::string& id, Millis within);

 private:
  const Settings& settings_;
  const Clock& clock_;
  StateLock lock_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace codedriftd
