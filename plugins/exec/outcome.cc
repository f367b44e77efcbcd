#include "exec/outcome.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/json.h"
#include "base/text.h"

namespace codedriftd::exec {
namespace {

constexpr int kUnavailable = 69, kTemporary = 75;  // sysexits.h

}  // namespace

Checked check_command(const std::string& path) {
  if (!path.starts_with('/')) return Error{"command: the program should be an absolute path; nothing is searched"};
  const auto wrong = [&path](std::string_view what) { return Error{fmt::format("command: {} {}", path, what)}; };
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return wrong(fmt::format("cannot be run: {}", std::strerror(errno)));
  if (!S_ISREG(info.st_mode)) return wrong("is not a file");
  if ((info.st_mode & S_IWOTH) != 0) {
    return wrong(fmt::format("can be changed by everybody (mode {:04o}); chmod o-w it", info.st_mode & 07777));
  }
  if (::access(path.c_str(), X_OK) != 0) return wrong(fmt::format("cannot be run: {}", std::strerror(errno)));
  struct stat folder {};
  const std::string parent = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  if (::stat(parent.c_str(), &folder) == 0 && (folder.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH) {
    return wrong(fmt::format("can be replaced by everybody: {} is open to all", parent));
  }
  return Done{};
}

Result<Options> read_options(std::string_view config_json) {
  const Json config = Json::parse(config_json, nullptr, false);
  if (!config.is_object()) return Error{"the configuration is not an object"};
  Options options;
  if (const auto command = config.find("command"); command != config.end() && command->is_array()) {
    for (const Json& word : *command) {
      if (!word.is_string()) return Error{"command: should be a list of strings"};
      options.command.push_back(word.get<std::string>());
    }
  }
  if (options.command.empty()) return Error{"command: is empty; it should be the program and its arguments"};
  if (auto checked = check_command(options.command.front()); !checked) return checked.error();
  options.timeout = std::chrono::seconds(config.value("timeout_s", 30));
  return options;
}

std::vector<std::string> environment(std::string_view id, std::string_view alert_json) {
  std::string kind;
  if (const Json alert = Json::parse(alert_json, nullptr, false); alert.is_object()) {
    if (const auto found = alert.find("kind"); found != alert.end() && found->is_string()) {
      kind = harmless(found->get<std::string>());
    }
  }
  return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          fmt::format("CODEDRIFTD_ALERT_ID={}", id), fmt::format("CODEDRIFTD_KIND={}", kind)};
}

Outcome judge(const Ending& ending) {
  Outcome outcome;
  switch (ending.how) {
    case Ending::How::exited:
      outcome.status = ending.code;
      outcome.text = fmt::format("exit {}", ending.code);
      outcome.result = CODEDRIFTD_REJECTED;
      if (ending.code == 0) outcome.result = CODEDRIFTD_DELIVERED;
      if (ending.code == kTemporary) outcome.result = CODEDRIFTD_RETRY;
      if (ending.code == kUnavailable) outcome.result = CODEDRIFTD_DESTINATION_REFUSED;
      break;
    case Ending::How::signalled: {
      const char* name = ::sigdescr_np(ending.code);
      outcome.text = fmt::format("killed by signal {} ({})", ending.code, name == nullptr ? "?" : name);
      break;
    }
    case Ending::How::not_started:
      outcome.text = fmt::format("could not be started: {}", std::strerror(ending.code));
      if (ending.code != EAGAIN && ending.code != ENOMEM && ending.code != ETXTBSY && ending.code != ENFILE) {
        outcome.result = CODEDRIFTD_DESTINATION_REFUSED;
      }
      break;
    case Ending::How::deadline:
      outcome.text = "killed: it had not ended in time";
      break;
    case Ending::How::cancelled:
      outcome.text = "killed: the attempt was called off";
      break;
  }
  if (!ending.first_line.empty()) outcome.text += ": " + ending.first_line;
  return outcome;
}

}  // namespace codedriftd::exec
