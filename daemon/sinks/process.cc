#include "sinks/process.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/log.h"
#include "base/secret.h"
#include "base/spawn.h"
#include "base/text.h"
#include "sinks/options.h"

namespace codedriftd {
namespace {

/// How long close() has when the whole daemon is stopping: cancel and stop together stay well under its five seconds.
constexpr Millis kHurriedClose{1'000};
/// How long a process that has closed its socket has to end: how it does so says whose doing it was.
constexpr Millis kLastMoment{100};

MonoTime now() { return SystemClock{}.mono(); }

int64_t to_ns(MonoTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

DeliveryAnswer stopped() { return {DeliveryResult::retry, Millis{0}, 0, "stopped before an answer came"}; }

/// The reply of a plugin's function as an answer; a result that sink.h does not know is a fault.
DeliveryAnswer to_answer(CallReply reply, const SinkChild& child) {
  DeliveryAnswer answer{DeliveryResult::fault, Millis{0}, reply.status, clean_utf8(child.masked(reply.text))};
  switch (reply.result) {
    case 0:
      answer.result = DeliveryResult::delivered;
      break;
    case 1:
      answer.result = DeliveryResult::retry;
      answer.retry_after = std::min(Millis{reply.retry_after_ms}, kMostRetryAfter);
      break;
    case 2:
      answer.result = DeliveryResult::rejected;
      break;
    case 3:
      answer.result = DeliveryResult::refused;
      break;
    default:
      answer.text =
          clean_utf8(fmt::format("the plugin returned {}, which is not a result: {}", reply.result, answer.text));
  }
  return answer;
}

/// What the files of secrets hold, whole and by words: a plugin may log either. Longest first, so that no part of one
/// hides the rest of it. A file that cannot be read hides nothing: the host process, which reads it too, says why.
std::vector<std::string> hidden(const std::vector<std::pair<std::string, std::string>>& files) {
  constexpr std::size_t kShortest = 8;  // shorter words are "Bearer" and the like
  std::vector<std::string> texts;
  for (const auto& [name, path] : files) {
    const auto secret = read_secret_file(path);
    if (!secret) continue;
    std::string_view rest = secret->reveal();
    if (rest.size() >= kShortest) texts.emplace_back(rest);
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find_first_of(" \t\r\n"));
      if (word.size() >= kShortest && word.size() < secret->reveal().size()) texts.emplace_back(word);
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
  }
  std::sort(texts.begin(), texts.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return texts;
}

/// Another text when another file stands at `path`, or it was written to.
std::string mark_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::strerror(errno);
  return fmt::format("{} {} {} {}.{} {}.{}", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
}

StartFailure fault(std::string message) { return {StartFailure::Kind::fault, std::move(message), {}, Millis{0}}; }

/// Waits for what a host process says first.
Result<PluginInfo, StartFailure> handshake(SinkChild& child, int wake_fd, Millis at_most = kStartStep) {
  switch (child.wait(now() + at_most, wake_fd)) {
    case SinkChild::Event::reply:
      break;
    case SinkChild::Event::broken:
      return fault(child.what());
    case SinkChild::Event::woken:
      return fault("stopped while the plugin was being started");
    case SinkChild::Event::timeout:
      return fault(fmt::format("the plugin was not loaded within {} s", at_most / std::chrono::seconds(1)));
    case SinkChild::Event::ended: {
      child.wait_for_end(now() + kLastMoment);
      const SinkChild::End end = child.kill();
      StartFailure failure = fault(fmt::format("the plugin's process {} while loading it", end.words));
      if (end.from_outside) failure.kind = StartFailure::Kind::retry;
      return failure;
    }
  }
  if (auto* described = std::get_if<DescribeReply>(&child.reply().body)) return std::move(described->plugin);
  if (auto* unusable = std::get_if<UnusableReply>(&child.reply().body)) {
    return StartFailure{StartFailure::Kind::refused, clean_utf8(unusable->text), {}, Millis{0}};
  }
  return fault("the plugin's process did not begin with a description");
}

}  // namespace

std::string_view to_string(DeliveryResult result) {
  switch (result) {
    case DeliveryResult::delivered:
      return "delivered";
    case DeliveryResult::retry:
      return "retry";
    case DeliveryResult::rejected:
      return "rejected";
    case DeliveryResult::refused:
      return "refused";
    case DeliveryResult::fault:
      return "fault";
  }
  return "fault";
}

SinkProcess::SinkProcess(SinkSpec spec) : spec_(std::move(spec)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_.valid()) throw std::system_error(errno, std::generic_category(), "eventfd");
}

SinkProcess::~SinkProcess() { stop(); }

Result<PluginInfo, StartFailure> SinkProcess::start() {
  if (cancelled_) return fault("stopped");
  auto child = SinkChild::spawn(spec_.sinkhost, spec_.plugin, spec_.name);
  if (!child) return fault(child.error().message);
  child_ = std::move(*child);
  sequence_ = 0;
  ended_from_outside_ = false;
  auto plugin = handshake(*child_, wake_.get(), spec_.start_step);
  if (plugin) plugin = open(*plugin);
  if (!plugin) child_.reset();
  return plugin;
}

Result<PluginInfo, StartFailure> SinkProcess::open(const PluginInfo& plugin) {
  auto options = check_options(plugin, spec_.options, spec_.place);
  if (!options) {
    return StartFailure{StartFailure::Kind::mistakes, fmt::format("the options of {} are wrong", spec_.name),
                        options.error(), Millis{0}};
  }
  // The host process does not have the environment variable that relative ones are looked up by.
  for (auto& [name, path] : options->secret_files) path = secret_file_path(path);
  files_.clear();  // marked before they are read: what changes in between counts as changed
  for (const auto& [name, path] : options->secret_files) files_[path] = mark_of(path);
  for (const auto& [name, option] : spec_.options) {
    const auto* path = std::get_if<std::string>(&option.value);
    if (path != nullptr && name.ends_with("_file"))
      files_.try_emplace(secret_file_path(*path), mark_of(secret_file_path(*path)));
  }
  child_->hide(hidden(options->secret_files));
  const DeliveryAnswer opened =
      answer(OpenRequest{options->config_json, options->secret_files}, now() + spec_.start_step);
  switch (opened.result) {
    case DeliveryResult::delivered:
      return plugin;
    case DeliveryResult::retry:  // also if somebody else's signal ended it
      return StartFailure{StartFailure::Kind::retry, opened.text, {}, opened.retry_after};
    case DeliveryResult::rejected:
    case DeliveryResult::refused:
      return StartFailure{StartFailure::Kind::refused, opened.text, {}, Millis{0}};
    case DeliveryResult::fault:
      break;
  }
  return fault(opened.text);
}

bool SinkProcess::running() {
  if (child_ && !child_->alive()) lost("the plugin's process ended by itself");
  return child_ != nullptr;
}

/// Ends the child after something it should not have done, or that was done to it, and says so in the log.
DeliveryAnswer SinkProcess::lost(std::string_view why) {
  const SinkChild::End end = child_->kill();
  const std::string text = clean_utf8(fmt::format("{}; it {}", why, end.words));
  child_.reset();
  ended_from_outside_ = end.from_outside;
  log(LogLevel::warning, end.from_outside ? "plugin.ended" : "plugin.fault", text,
      {{"alert", spec_.name}, {"plugin", spec_.plugin}});
  if (end.from_outside) return {DeliveryResult::retry, Millis{0}, 0, text, true};
  return {DeliveryResult::fault, Millis{0}, 0, text};
}

std::variant<CallReply, DeliveryAnswer> SinkProcess::call(const Request& request, MonoTime deadline) {
  if (!child_) return DeliveryAnswer{DeliveryResult::fault, Millis{0}, 0, "the plugin is not running"};
  if (cancelled_) return stopped();
  const uint32_t sequence = ++sequence_;
  if (!child_->send({sequence, request}, deadline)) {
    child_->wait_for_end(now() + kLastMoment);
    return lost("the plugin's process did not take the request");
  }
  SinkChild::Event event = child_->wait(deadline, wake_.get());
  if (event == SinkChild::Event::timeout || event == SinkChild::Event::woken) {
    // A plugin that ends the call when it is asked to keeps its process, and what it answers counts: the alert may have
    // been delivered just now. One that does not is killed, which is the only way to end a call into foreign code.
    child_->ask_to_cancel();
    event = child_->wait(now() + kCancelGrace, -1);
    child_->withdraw_cancel();
  }
  switch (event) {
    case SinkChild::Event::reply:
      break;
    case SinkChild::Event::broken:
      return lost(fmt::format("the plugin's process sent nonsense: {}", child_->what()));
    case SinkChild::Event::ended:
      child_->wait_for_end(now() + kLastMoment);
      return lost("the plugin's process ended during a call");
    case SinkChild::Event::woken:
    case SinkChild::Event::timeout:
      if (cancelled_) {
        child_->kill();
        child_.reset();
        return stopped();
      }
      return lost(fmt::format("the plugin gave no answer by its deadline, nor within {} s of being asked to stop",
                              kCancelGrace / std::chrono::seconds(1)));
  }
  auto* reply = std::get_if<CallReply>(&child_->reply().body);
  // An answer to an earlier call must not settle this one: the alert would be taken for delivered.
  if (reply == nullptr || child_->reply().sequence != sequence) {
    return lost("the plugin's process answered what was not asked");
  }
  return std::move(*reply);
}

DeliveryAnswer SinkProcess::answer(const Request& request, MonoTime deadline) {
  auto outcome = call(request, deadline);
  if (auto* reply = std::get_if<CallReply>(&outcome)) return to_answer(std::move(*reply), *child_);
  return std::get<DeliveryAnswer>(std::move(outcome));
}

DeliveryAnswer SinkProcess::deliver(std::string_view id, std::string_view json, uint32_t attempt, Millis timeout) {
  if (json.size() > kMaxAlertBytes || id.size() > 64) {
    return {DeliveryResult::rejected, Millis{0}, 0,
            fmt::format("an alert of {} bytes is longer than {}", json.size(), kMaxAlertBytes)};
  }
  const MonoTime deadline = now() + timeout;
  return answer(DeliverRequest{std::string(id), std::string(json), attempt, to_ns(deadline)}, deadline);
}

DeliveryAnswer SinkProcess::probe(Millis timeout) {
  const MonoTime deadline = now() + timeout;
  return answer(ProbeRequest{to_ns(deadline)}, deadline);
}

bool SinkProcess::files_changed() {
  return std::any_of(files_.begin(), files_.end(), [](const auto& file) { return mark_of(file.first) != file.second; });
}

void SinkProcess::cancel() {
  cancelled_ = true;
  ::eventfd_write(wake_.get(), 1);
}

void SinkProcess::stop() {
  if (!child_) return;
  const MonoTime until = now() + (cancelled_ ? kHurriedClose : kCancelGrace);
  if (!child_->send({++sequence_, CloseRequest{}}, until) || !child_->wait_for_end(until)) {
    log(LogLevel::warning, "plugin.killed", "the plugin did not close in time and was killed",
        {{"alert", spec_.name}, {"plugin", spec_.plugin}});
  }
  child_.reset();
}

std::string find_sinkhost() { return find_own_program("codedriftd-sinkhost"); }

Result<PluginInfo, StartFailure> describe_plugin(const std::string& sinkhost, const std::string& plugin,
                                                 Millis at_most) {
  auto child = SinkChild::spawn(sinkhost, plugin, plugin);
  if (!child) return fault(child.error().message);
  return handshake(**child, -1, std::min(at_most, kStartStep));
}

}  // namespace codedriftd
