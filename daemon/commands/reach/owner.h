#pragma once
#include <string>

#include "base/result.h"

namespace codedriftd {

/// For `run` and the commands that write the record themselves: root becomes the owner of the state folder for good, so
/// that no file in it ends up root's. Anybody else stays who they are. Fails if there is no such folder.
Checked become_owner(const std::string& folder);

}  // namespace codedriftd
