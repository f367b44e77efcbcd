#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace codedriftd {

/// Writes `content` to `path` so that it appears complete or not at all: a new file beside it, flushed, then renamed
/// over it. Mode 0640, less the umask. A link is followed; what is no regular file (a pipe, /dev/null) is written to
/// as it is.
Checked write_file(const std::string& path, std::string_view content);

/// Writes a configuration file so that it appears complete or not at all, with mode 0644, less the umask: the service,
/// another user, has to read it, and there are no secrets in it. Where something of that name is there already it
/// fails, unless `replace`; then that is replaced in one step, a link by the file.
Checked write_config_file(const std::string& path, std::string_view content, bool replace);

/// Replaces `path` in one step by a file with mode 0644, whatever the umask. It is not flushed: for what is written
/// again soon.
Checked write_public_file(const std::string& path, std::string_view content);

}  // namespace codedriftd
