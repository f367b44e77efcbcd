#pragma once
/// Asks the cloud's audit log who made a change, after the event that tells of it; no alert waits for it.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "attribution/audit_job.h"
#include "attribution/queries.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "store/db/writer.h"
#include "store/ledger/ledger.h"

namespace codedriftd {

/// What the ledger put down to be asked (Ledger::set_audited, store/record/attributions.h) is asked when it is due, all
/// of one account and region together. The first query that finds a call that succeeded is the last one, and so is the
/// last of next_audit_try(): then change.attributed is written, once for each event. A query without an answer (a
/// permission is missing, the network) is told in the log once, until one has an answer, and asked again; nobody is
/// paged for it, and where none ever has an answer no event is written. One whose answer is too large is asked at once
/// again in halves; a change for which that cannot be less is asked about no more, which the log says. What is under
/// way when the daemon stops is asked again after the start.
///
/// It has no thread: ask_due() and what comes back are carried out on the writer's. `run` carries a job and calls the
/// function beside it when the job is over, on any thread (Surveyor::run). REQUIRES: both have let go of all work
/// before it ends.
class Attributor {
 public:
  using Run = std::function<void(std::shared_ptr<ReadJob>, std::function<void()>)>;
  /// What is due within so long a time is asked with what is due now: the functions of one release.
  static constexpr Millis kTogether{30'000};
  /// A job that is not over after so long a time is taken for lost.
  static constexpr Millis kLost{15 * 60'000};

  Attributor(Writer& writer, Ledger& ledger, const Clock& clock, Run run);
  Attributor(const Attributor&) = delete;

  /// The deploy principals of each account whose audit log may be read, from now on. What was put down for another one
  /// is not asked any more. Thread-safe.
  void set_accounts(std::map<std::string, std::vector<std::string>> deploy_principals);
  /// Begins the queries that are due. To be called every few seconds; it returns at once. Thread-safe.
  void ask_due();

 private:
  using Questions = std::vector<attributions::Question>;
  using Records = std::map<std::string, std::vector<ChangeRecord>, std::less<>>;  ///< by function

  void begin(Tx& tx);
  void ask(AuditQuery query);
  void over(const AuditJob& job, const AuditQuery& query);
  void take_answer(Tx& tx, const attributions::Question& asked, const Records& records,
                   const std::vector<std::string>& deploy_principals, WallTime asked_at);
  /// `again`: asking again can have an answer.
  void put_off(Tx& tx, const attributions::Question& asked, bool again);
  void tell(Tx& tx, const attributions::Question& about, const Attribution& found, WallTime asked_at);
  void log_trouble(const AuditJob& job, const AuditQuery& query);
  void let_go(const Questions& questions);

  Writer& writer_;
  Ledger& ledger_;
  const Clock& clock_;
  const Run run_;
  Guarded<std::map<std::string, std::vector<std::string>>> accounts_;
  Guarded<std::map<int64_t, MonoTime>> under_way_;  ///< events, and since when they are asked about
  Guarded<std::map<std::pair<std::string, std::string>, std::string>> troubles_;  ///< by account and region: as logged
};

}  // namespace codedriftd
