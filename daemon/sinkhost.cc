/// codedriftd-sinkhost: hosts one alert plugin in a process of its own. The daemon starts it with a socket as
/// descriptor 3 and a cancel event as descriptor 4 (sinks/child.cc) and speaks frames with it (sinks/frame.h). It
/// isolates crashes and hangs; it is no security boundary.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/text.h"
#include "sinks/child.h"
#include "sinks/frame.h"
#include "sinks/options.h"
#include "sinks/plugin.h"

namespace codedriftd {
namespace {

constexpr int kUsage = 64;
constexpr std::size_t kReportBytes = 2048;
constexpr std::size_t kLogBytes = 1024;

/// Ends the process when the daemon cannot be spoken to any more: there is nobody to tell.
[[noreturn]] void lost_daemon() { ::_exit(1); }

void send_frame(const Frame<Reply>& frame) {
  const std::string bytes = encode(frame);
  if (bytes.empty()) lost_daemon();
  while (::send(kHostSocket, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) lost_daemon();
  }
}

/// The plugin's log lines. The daemon reads only while it waits for an answer, so a full socket loses lines instead of
/// holding the plugin up.
class LogLines {
 public:
  void send(int32_t level, std::string_view text) {
    Locked dropped(dropped_);
    const Frame<Reply> frame{0, LogReply{level, *dropped, std::string(utf8_prefix(text, kLogBytes))}};
    const std::string bytes = encode(frame);
    if (::send(kHostSocket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
      *dropped = 0;
    } else {
      ++*dropped;
    }
  }

 private:
  Guarded<uint32_t> dropped_;
};

extern "C" {
static void log_line(void* ctx, codedriftd_log_level level, const char* text, size_t length) noexcept {
  if (text == nullptr) return;
  try {
    static_cast<LogLines*>(ctx)->send(level, std::string_view(text, length));
  } catch (...) {  // out of memory: the line is lost
  }
}
}

/// The buffer that a plugin's call reports into.
class Report {
 public:
  codedriftd_report* get() { return &report_; }
  CallReply reply(codedriftd_result result) const {
    return {result, report_.retry_after_ms, report_.status, std::string(text_, ::strnlen(text_, sizeof text_ - 1))};
  }

 private:
  char text_[kReportBytes] = {};
  codedriftd_report report_{sizeof(codedriftd_report), 0, text_, sizeof text_, 0, 0};
};

class Host {
 public:
  explicit Host(LoadedPlugin plugin) : plugin_(std::move(plugin)) {}

  /// Answers requests until the daemon closes, or is gone.
  void serve() {
    std::string buffer(kMaxFrame + 1, '\0');
    for (;;) {
      const ssize_t got = ::recv(kHostSocket, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) lost_daemon();
      auto frame = parse_request(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
      if (!frame) {
        fmt::print(stderr, "codedriftd-sinkhost: {}\n", frame.error().message);
        lost_daemon();
      }
      if (std::holds_alternative<CloseRequest>(frame->body)) break;
      send_frame({frame->sequence, std::visit([this](const auto& request) { return answer(request); }, frame->body)});
    }
    if (sink_ != nullptr) plugin_.api->close(sink_);
  }

 private:
  static CallReply refusal(std::string text) { return {CODEDRIFTD_DESTINATION_REFUSED, 0, 0, std::move(text)}; }

  CallReply answer(const OpenRequest& request) {
    if (sink_ != nullptr) return {-1, 0, 0, "opened twice"};
    Json config = Json::parse(request.config_json, nullptr, false);
    if (!config.is_object()) return {-1, 0, 0, "the configuration is not an object"};
    for (const auto& [name, path] : request.secret_files) {
      auto secret = read_secret_file(path);
      if (!secret) return refusal(fmt::format("{}_file: {}", name, secret.error().message));
      if (!valid_utf8(secret->reveal())) return refusal(fmt::format("{}_file: {}: is not text in UTF-8", name, path));
      config[name] = std::string(secret->reveal());
    }
    std::string text = json_line(config);
    for (Json& value : config) {
      if (value.is_string()) wipe(value.get_ref<std::string&>());
    }
    Report report;
    codedriftd_result result = plugin_.api->open(&host_, text.c_str(), text.size(), &sink_, report.get());
    wipe(text);
    if (result == CODEDRIFTD_DELIVERED && sink_ == nullptr) return {-1, 0, 0, "open() succeeded without an instance"};
    if (result != CODEDRIFTD_DELIVERED) sink_ = nullptr;
    return report.reply(result);
  }

  CallReply answer(const DeliverRequest& request) {
    if (sink_ == nullptr) return {-1, 0, 0, "not open"};
    const codedriftd_alert alert{sizeof(codedriftd_alert), request.attempt,      request.id.c_str(),
                                 request.id.size(),        request.json.c_str(), request.json.size(),
                                 request.deadline_ns,      kHostCancel,          0};
    Report report;
    const codedriftd_result result = plugin_.api->deliver(sink_, &alert, report.get());
    return report.reply(result);
  }

  CallReply answer(const ProbeRequest& request) {
    if (sink_ == nullptr) return {-1, 0, 0, "not open"};
    if (plugin_.api->probe == nullptr) return {CODEDRIFTD_DELIVERED, 0, 0, "the plugin cannot probe"};
    Report report;
    const codedriftd_result result = plugin_.api->probe(sink_, request.deadline_ns, kHostCancel, report.get());
    return report.reply(result);
  }

  CallReply answer(const CloseRequest&) { return {}; }

  LoadedPlugin plugin_;
  LogLines log_;
  codedriftd_host host_{sizeof(codedriftd_host), CODEDRIFTD_SINK_ABI_MINOR, &log_, log_line};
  codedriftd_sink* sink_ = nullptr;
};

void limit([[maybe_unused]] __rlimit_resource_t what, [[maybe_unused]] rlim_t value) {
  rlimit now{};
  if (::getrlimit(what, &now) != 0) return;
  const rlimit wanted{std::min(value, now.rlim_max), std::min(value, now.rlim_max)};
  ::setrlimit(what, &wanted);
}

/// Before any code of the plugin runs.
void harden(pid_t parent) {
  // The signal is asked for first and the parent looked at afterwards: whichever way it dies meanwhile, one of the two
  // sees it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) lost_daemon();
  ::close_range(kHostCancel + 1, ~0U, 0);
  ::fcntl(kHostSocket, F_SETFD, FD_CLOEXEC);
  ::fcntl(kHostCancel, F_SETFD, FD_CLOEXEC);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::signal(SIGPIPE, SIG_IGN);  // sink.h promises it: a receiver that closes is no reason to die
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, 64);
#ifndef CODEDRIFTD_SANITIZED  // a sanitizer maps terabytes
  limit(RLIMIT_AS, rlim_t{512} << 20);
#endif
}

bool is_frame_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int serve(const std::string& path, pid_t parent) {
  harden(parent);
  auto plugin = load_plugin(path);
  if (!plugin) {
    send_frame({0, UnusableReply{plugin.error().message}});
    return 1;
  }
  const Frame<Reply> description{0, DescribeReply{CODEDRIFTD_VERSION, plugin->info}};
  if (encode(description).empty()) {
    send_frame({0, UnusableReply{fmt::format("{}: its option table is too long", path)}});
    return 1;
  }
  send_frame(description);
  Host(std::move(*plugin)).serve();
  return 0;
}

int describe(const std::string& path) {
  auto plugin = load_plugin(path);
  if (!plugin) {
    fmt::print(stderr, "codedriftd-sinkhost: {}\n", harmless(plugin.error().message));
    return 1;
  }
  fmt::print("{}", describe_plugin_table(plugin->info));
  return 0;
}

int usage() {
  fmt::print(
      stderr,
      "codedriftd-sinkhost {} hosts one alert plugin for the daemon codedriftd, which starts it; it is not meant to be "
      "started by hand.\nTo see what a plugin is and which options it takes:\n"
      "  codedriftd-sinkhost --describe /path/to/PLUGIN.so\n",
      CODEDRIFTD_VERSION);
  return kUsage;
}

int run(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "--describe" && argc == 3) return describe(argv[2]);
  if (verb != kServeArgument || argc != 4 || !is_frame_socket(kHostSocket)) return usage();
  const std::string_view parent_text = argv[3];
  pid_t parent = 0;
  const auto [end, error] = std::from_chars(parent_text.data(), parent_text.data() + parent_text.size(), parent);
  if (error != std::errc{} || end != parent_text.data() + parent_text.size()) return usage();
  return serve(argv[2], parent);
}

}  // namespace
}  // namespace codedriftd

int main(int argc, char** argv) {
  try {
    return codedriftd::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "codedriftd-sinkhost: %s\n", error.what());
    return 1;
  }
}
