#include "support/npm.h"

#include <fcntl.h>
#include <sys/file.h>

#include <filesystem>

#include "base/unique_fd.h"
#include "support/program.h"
#include "support/temp_dir.h"

namespace codedriftd::test {

namespace fs = std::filesystem;

bool succeeded(const RunResult& result) { return result.status && *result.status == ExitStatus{0, 0}; }

NpmFolder::NpmFolder(std::string name, std::string script)
    : source_(std::string(CODEDRIFTD_SOURCE_DIR) + "/tests/" + name),
      folder_(std::string(CODEDRIFTD_BINARY_DIR) + "/tests/" + name),
      script_(std::move(script)) {}

RunResult NpmFolder::run(std::vector<std::string> argv, std::string input, Millis at_most) const {
  ChildOptions options;
  options.argv = std::move(argv);
  options.folder = folder_;
  options.stdin_text = std::move(input);
  return test::run(std::move(options), at_most);
}

RunResult NpmFolder::run_script(std::vector<std::string> args, std::string input) const {
  args.insert(args.begin(), {"node", script_});
  return run(std::move(args), std::move(input), Millis{120'000});
}

std::string NpmFolder::install() const {
  fs::create_directories(folder_);
  for (const char* program : {"node", "npm"}) {
    if (!succeeded(run({"/bin/sh", "-c", std::string("command -v ") + program})))
      return std::string(program) + " is not installed (scripts/install-deps --test)";
  }
  const fs::path source = source_;
  const fs::path folder = folder_;
  const UniqueFd lock(::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (::flock(lock.get(), LOCK_EX) != 0) return "the folder cannot be locked";
  const fs::path stamp = folder / "installed";
  const std::string pinned = read_file((source / "package-lock.json").string());
  for (const fs::directory_entry& file : fs::directory_iterator(source)) {
    const std::string name = file.path().filename().string();
    if (file.is_regular_file() && !name.starts_with("package"))
      fs::copy_file(file.path(), folder / name, fs::copy_options::overwrite_existing);
  }
  if (fs::exists(stamp) && read_file(stamp.string()) == pinned) return {};
  for (const char* file : {"package.json", "package-lock.json"})
    fs::copy_file(source / file, folder / file, fs::copy_options::overwrite_existing);
  const RunResult ci = run({"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"}, "", Millis{180'000});
  if (!succeeded(ci)) return "npm ci failed; is the registry reachable? " + ci.err.substr(0, 500);
  fs::copy_file(source / "package-lock.json", stamp, fs::copy_options::overwrite_existing);
  return {};
}

}  // namespace codedriftd::test
