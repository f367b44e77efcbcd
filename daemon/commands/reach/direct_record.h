#pragma once
/// The record without a daemon: the command is the one writer meanwhile. Private to commands/.
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>

#include "actions/arguments.h"
#include "base/json_box.h"
#include "settings/settings.h"
#include "store/db/lock.h"
#include "store/db/writer.h"
#include "store/ledger/ledger.h"
#include "store/outbox/actions.h"

namespace codedriftd {

/// Opened for writing. Holds the state folder's lock.
class DirectRecord {
 public:
  /// Becomes the owner of the state folder (see become_owner), takes the lock, opens the database. Throws
  /// std::runtime_error for what is in the way, with what to do.
  DirectRecord(const Settings& settings, const Clock& clock);
  /// Keeps where the record ends (service/record_head.h).
  ~DirectRecord();

  /// Does `request` in one transaction: the perform() of its kind.
  template <typename Request, typename Who>
  Result<JsonBox, NothingDone> carry_out(const Request& request, const Who& caller) {
    std::optional<Result<JsonBox, NothingDone>> result;
    writer_->run([&](Tx& tx) { result = perform(tx, *ledger_, request, caller, clock_.wall()); });
    if (!result) throw std::logic_error("the writer ran nothing");
    return std::move(*result);
  }
  /// Delivers a queued test at once, on this thread; whatever comes of it is its end: nobody would go on trying.
  outbox::TestOutcome deliver_test(const std::string& alert, const std::string& id, Millis within);

 private:
  const Settings& settings_;
  const Clock& clock_;
  StateLock lock_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Writer> writer_;
  bool keeps_head_ = false;
};

}  // namespace codedriftd
