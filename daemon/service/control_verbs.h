#pragma once
/// What the running daemon does when it is asked through its control socket.
#include <unistd.h>

#include <memory>
#include <set>
#include <string>

#include "service/control.h"
#include "store/ledger.h"
#include "store/writer.h"

namespace codedriftd {

struct ControlPlaces {
  std::string runtime_dir, state_dir;
  /// Who may ask: root, and this process's own user, who can write the record anyway.
  std::set<uid_t> allowed{0, ::geteuid()};
};

/// Opens the socket. `writer`, `ledger` and `clock` must outlive the server. Whoever is not allowed to ask and does is
/// denied, and that is recorded (control.denied): once a minute for each user, with how often it was since.
Result<std::unique_ptr<ControlServer>> open_control(const ControlPlaces& places, Writer& writer, Ledger& ledger,
                                                    const Clock& clock);

/// "DEVICE:INODE" of a folder: what tells a command and the daemon that they mean the same record. Empty: not there.
std::string folder_identity(const std::string& folder);

}  // namespace codedriftd
