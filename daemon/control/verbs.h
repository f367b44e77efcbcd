#pragma once
/// What the running daemon does when it is asked through its control socket.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attest/load_trust.h"
#include "base/guarded.h"
#include "control/permissions.h"
#include "control/server.h"
#include "control/tickets.h"
#include "model/content.h"
#include "model/examination.h"
#include "store/db/writer.h"
#include "store/ledger/ledger.h"

namespace codedriftd {

/// One target that is to be polled now.
struct PollWish {
  TargetId id = 0;
  std::string account;
  bool wants_package = false;  ///< its package is to be looked into, whatever came of that before
};

/// What the verbs work with; all of it outlives the server.
struct ControlParts {
  std::string runtime_dir, state_dir;
  std::function<Database()> open_reader;                           ///< on one of several threads
  const Guarded<std::shared_ptr<const Permissions>>& permissions;  ///< a reload puts others there
  Writer& writer;
  Ledger& ledger;
  const Clock& clock;
  const Guarded<std::shared_ptr<const Trust>>& trust;  ///< as the permissions
  /// As Poller::poll_now.
  std::function<void(const std::vector<PollWish>& wishes, std::function<void(PollEnd)> over)> poll_now = {};
  /// Has the configuration loaded again, on another thread, which finishes the ticket with what came of it:
  /// {"loaded": WORDS}, {"mistakes": ["FILE:LINE:COLUMN: …", …]} or {"failed": WORDS}.
  std::function<void(std::shared_ptr<Ticket> ticket)> reload = {};
  /// Why nothing can be polled yet; empty: it can. nullptr: always.
  std::function<std::string()> not_yet = {};
  std::string host = {};             ///< of actor_of(): where several hosts write the record
  std::string packages_folder = {};  ///< Settings::packages_folder()
  /// Inspector::forget_failure.
  std::function<void(const Sha256& code)> forget_failure = {};
  /// The content of one file of a package that is kept, with the caps to read it within. On one of several threads.
  std::function<Result<std::string>(const Sha256& code, const PackageFile& file, const PackageLimits& limits)>
      package_content = {};
};

/// Opens the socket. Whoever may not ask and does is denied, and that is recorded (control.denied): once a minute for
/// each user, with how often it was since.
Result<std::unique_ptr<ControlServer>> open_control(const ControlParts& parts);

/// "DEVICE:INODE" of a folder: what tells a command and the daemon that they mean the same record. Empty: not there.
std::string folder_identity(const std::string& folder);

}  // namespace codedriftd
