#pragma once
/// What the running daemon does when it is asked through its control socket.
#include <memory>
#include <string>

#include "base/guarded.h"
#include "service/control.h"
#include "service/permissions.h"
#include "store/ledger.h"
#include "store/writer.h"

namespace codedriftd {

/// What the verbs work with; all of it outlives the server.
struct ControlParts {
  std::string runtime_dir, state_dir;
  const Guarded<std::shared_ptr<const Permissions>>& permissions;  ///< a reload puts others there
  Writer& writer;
  Ledger& ledger;
  const Clock& clock;
};

/// Opens the socket. Whoever may not ask and does is denied, and that is recorded (control.denied): once a minute for
/// each user, with how often it was since.
Result<std::unique_ptr<ControlServer>> open_control(const ControlParts& parts);

/// "DEVICE:INODE" of a folder: what tells a command and the daemon that they mean the same record. Empty: not there.
std::string folder_identity(const std::string& folder);

}  // namespace codedriftd
