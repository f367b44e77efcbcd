#include "support/program.h"

#include <signal.h>
#include <sys/prctl.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>

namespace codedriftd::test {
namespace {

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

Flags::Flags(int argc, char** argv, const std::set<std::string>& values, const std::set<std::string>& switches) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (!argument.starts_with("--")) throw WrongUsage("what is '" + argument + "'? Try --help");
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (switches.contains(name) && equals == std::string::npos) {
      values_[name].emplace_back();
    } else if (!values.contains(name)) {
      throw WrongUsage("there is no --" + name + ". Try --help");
    } else if (equals != std::string::npos) {
      values_[name].push_back(argument.substr(equals + 1));
    } else if (++i < argc) {
      values_[name].emplace_back(argv[i]);
    } else {
      throw WrongUsage("--" + name + " needs a value");
    }
  }
}

std::string Flags::text(const std::string& name, const std::string& otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : found->second.back();
}

uint64_t Flags::number(const std::string& name, uint64_t otherwise, uint64_t max) const {
  if (!has(name)) return otherwise;
  const std::string value = text(name);
  uint64_t out = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (value.empty() || error != std::errc{} || end != value.data() + value.size() || out > max)
    throw WrongUsage("--" + name + " must be a number from 0 to " + std::to_string(max));
  return out;
}

std::vector<std::string> Flags::all(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

ProgramLife::ProgramLife(const Flags& flags)
    : port_file_(flags.text("port-file")), max_seconds_(flags.number("max-seconds", 0, 1000000)) {
  const sigset_t signals = ending_signals();
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  if (flags.has("die-with-parent")) ::prctl(PR_SET_PDEATHSIG, SIGTERM);
}

void ProgramLife::announce(const std::vector<uint16_t>& ports) const {
  if (port_file_.empty()) return;
  const std::string unfinished = port_file_ + ".new";
  std::ofstream out(unfinished, std::ios::trunc);
  for (const uint16_t port : ports) out << port << '\n';
  out.close();
  if (!out || std::rename(unfinished.c_str(), port_file_.c_str()) != 0)
    throw std::runtime_error("cannot write " + port_file_);
}

void ProgramLife::wait() const {
  const sigset_t signals = ending_signals();
  // Without --max-seconds this goes on for as long as nobody ends it.
  const timespec limit{static_cast<std::time_t>(max_seconds_ == 0 ? 1000000000 : max_seconds_), 0};
  while (::sigtimedwait(&signals, nullptr, &limit) < 0 && errno == EINTR) {
  }
}

void print_failure(const char* name, const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", name, error.what());
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read " + path);
  return out.str();
}

}  // namespace codedriftd::test
