#pragma once
/// What the exec plugin decides: pure, but for looking at the command's file.
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "codedriftd/sink.h"
#include "exec/child.h"

namespace codedriftd::exec {

struct Options {
  std::vector<std::string> command;
  Millis timeout{30'000};
};
/// From what open() is given; an error for a command that may not be run.
Result<Options> read_options(std::string_view config_json);

/// An error unless `path` is absolute and an executable file that not everybody can change.
Checked check_command(const std::string& path);

/// PATH, CODEDRIFTD_ALERT_ID and CODEDRIFTD_KIND, and nothing else.
std::vector<std::string> environment(std::string_view id, std::string_view alert_json);

struct Outcome {
  codedriftd_result result = CODEDRIFTD_RETRY;
  int32_t status = 0;  ///< the exit status
  std::string text;
};
/// Exit 0: delivered. 75 (EX_TEMPFAIL): retry. 69 (EX_UNAVAILABLE): the destination refuses. Any other exit: rejected.
/// Killed by a signal, at its deadline or on request: retry. Not started: the destination refuses, but for want of
/// memory or processes: retry.
Outcome judge(const Ending& ending);

}  // namespace codedriftd::exec
