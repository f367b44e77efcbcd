#pragma once
/// Programs of npm's that tests are checked with: pinned packages, installed once for each build folder.
#include <string>
#include <vector>

#include "support/process.h"

namespace codedriftd::test {

class NpmFolder {
 public:
  /// The folder tests/NAME of the sources, with package.json, package-lock.json and scripts, of which `script` is what
  /// run_script() runs.
  NpmFolder(std::string name, std::string script);

  /// Why the packages cannot be had; empty: they are there.
  std::string install() const;
  /// Runs `argv` in the folder of the build where the packages are.
  RunResult run(std::vector<std::string> argv, std::string input = {}, Millis at_most = Millis{60'000}) const;
  RunResult run_script(std::vector<std::string> args, std::string input = {}) const;
  const std::string& path() const { return folder_; }

 private:
  std::string source_, folder_, script_;
};

bool succeeded(const RunResult& result);

}  // namespace codedriftd::test
