#pragma once
/// What the running daemon does when it is asked through its control socket.
#include <memory>
#include <string>

#include "service/control.h"
#include "store/ledger.h"
#include "store/writer.h"

namespace codedriftd {

struct ControlPlaces {
  std::string runtime_dir, state_dir;
};

/// Opens the socket for root and for this process's own user, who owns the record anyway. `writer`, `ledger` and
/// `clock` must outlive the server. Whoever else asks is denied, and that is recorded (control.denied): once a minute
/// for each user, with how often in between.
Result<std::unique_ptr<ControlServer>> open_control(const ControlPlaces& places, Writer& writer, Ledger& ledger,
                                                    const Clock& clock);

/// "DEVICE:INODE" of a folder: what tells a command and the daemon that they mean the same record. Empty: not there.
std::string folder_identity(const std::string& folder);

}  // namespace codedriftd
