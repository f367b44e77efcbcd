#include "e2e/daemon.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "base/sha256.h"

namespace codedriftd::test {
namespace {

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size()) ++count;
  return count;
}

}  // namespace

ScfOptions accepting(const ScfCredential& credential, ScfLatency latency) {
  ScfOptions options;
  options.credentials = {credential};
  options.latency = latency;
  return options;
}

std::ptrdiff_t count_kind(const std::vector<std::string>& kinds, std::string_view kind) {
  return std::count(kinds.begin(), kinds.end(), kind);
}

std::string hash_of(std::string_view code) { return sha256(code).hex(); }

std::string webhook_alert(std::string_view name, std::string_view url, std::string_view secret_file,
                          std::string_view more, std::string_view options) {
  return fmt::format(
      "[[alert]]\nname = \"{}\"\nplugin = \"webhook\"\n{}\n[alert.options]\nurl = \"{}\"\nsecret_file = \"{}\"\n{}\n",
      name, more, url, secret_file, options);
}

std::string faulty_alert(std::string_view name, std::string_view mode) {
  return fmt::format("[[alert]]\nname = \"{}\"\nplugin = \"faulty\"\n[alert.options]\nmode = \"{}\"\n", name, mode);
}

namespace {

/// Everybody may pass through to `path`.
bool open_to_all(std::filesystem::path path) {
  using std::filesystem::perms;
  for (path = path.parent_path(); path != path.root_path(); path = path.parent_path()) {
    if ((std::filesystem::status(path).permissions() & perms::others_exec) == perms::none) return false;
  }
  return true;
}

}  // namespace

std::string for_others(const std::string& from, const std::string& path) {
  const std::string whole = from + "/" + path;
  if (::geteuid() != 0 || open_to_all(whole)) return whole;  // only root's tests become somebody else
  static const TempDir copies;
  const std::filesystem::path copy = copies / path;
  if (std::filesystem::exists(copy)) return copy;
  std::filesystem::permissions(copies.path(), std::filesystem::perms(0755));
  std::filesystem::create_directories(copy.parent_path());
  std::error_code no_link;
  std::filesystem::create_hard_link(whole, copy, no_link);
  if (no_link) std::filesystem::copy_file(whole, copy);
  return copy;
}

Daemon::Daemon(DaemonOptions options) : cloud_(options.cloud), receiver_(options.receiver) {
  config.endpoint = cloud_.endpoint();
  dir_.write("webhook.secret", kWebhookSecret);
  config.alerts = webhook_alert("ops", receiver_.url(), secret_file());
  env = {{"TENCENTCLOUD_SECRET_ID", kFakeCredential.secret_id},
         {"TENCENTCLOUD_SECRET_KEY", kFakeCredential.secret_key}};
  // The shipped plugins and the misbehaving one in one folder.
  std::filesystem::create_directories(dir_ / "plugins");
  std::filesystem::create_symlink(for_others(CODEDRIFTD_BINARY_DIR, "plugins/webhook.so"), dir_ / "plugins/webhook.so");
  std::filesystem::create_symlink(for_others(CODEDRIFTD_BINARY_DIR, "tests/plugins/faulty.so"),
                                  dir_ / "plugins/faulty.so");
  deploy("charge", "reviewed");
}

Daemon::~Daemon() = default;

std::string Daemon::key(std::string_view function) { return fmt::format("ap-guangzhou/default/{}:$LATEST", function); }
std::string Daemon::address(std::string_view function) { return "prod/" + key(function); }

void Daemon::deploy(std::string_view function, std::string_view code) { cloud_.set(key(function), hash_of(code)); }

std::string Daemon::config_text() const {
  std::string text = fmt::format(
      "[daemon]\nstate_dir = \"{0}/state\"\nruntime_dir = \"{0}/run\"\nplugin_dir = \"{0}/plugins\"\n"
      "instance = \"{4}\"\n{1}\n[http]\nlisten = \"{2}\"\n{3}\n",
      dir_.path().string(), config.daemon, config.status_page ? "127.0.0.1:0" : "", config.http, config.instance);
  text += fmt::format("[defaults]\naccount = \"prod\"\nregion = \"ap-guangzhou\"\ninterval = \"{}\"\n{}\n",
                      config.interval, config.defaults);
  text += fmt::format("[account.prod]\nendpoint = \"{}\"\n{}\n[account.prod.credentials]\n{}\n", config.endpoint,
                      config.account, config.credentials);
  for (const auto& [name, more] : config.functions)
    text += fmt::format("[[function]]\nname = \"{}\"\n{}\n", name, more);
  return text + config.alerts + config.more;
}

void Daemon::write_config() const { dir_.write("codedriftd.toml", config_text(), std::filesystem::perms(0644)); }

ChildOptions Daemon::options_of(std::vector<std::string> args) const {
  ChildOptions options;
  for (const char* beside : {"codedriftd-sinkhost", "codedriftd-examiner"}) for_others(CODEDRIFTD_BINARY_DIR, beside);
  options.argv = {for_others(CODEDRIFTD_BINARY_DIR, "codedriftd"), "--config", config_file()};
  options.argv.insert(options.argv.end(), std::make_move_iterator(args.begin()), std::make_move_iterator(args.end()));
  options.env = env;
  options.clear_env = true;
  return options;
}

void Daemon::start() {
  write_config();
  launch();
  wait_until_ready();
}

void Daemon::launch() {
  if (running()) throw std::runtime_error("there is a daemon already");
  if (child_) earlier_ += child_->err();
  child_.reset();
  std::vector<std::string> args = before_command;
  args.emplace_back("run");
  args.insert(args.end(), after_command.begin(), after_command.end());
  ChildOptions options = options_of(std::move(args));
  options.as = as;
  child_ = std::make_unique<Child>(std::move(options));
}

void Daemon::wait_until_ready() {
  if (!child_->wait_for_output("daemon.ready", kSoonEnough))
    throw std::runtime_error("the daemon did not become ready:\n" + log());
}

ExitStatus Daemon::stop(int signal, Millis at_most) {
  child_->signal(signal);
  const auto status = child_->wait(at_most);
  if (!status) throw std::runtime_error("the daemon did not stop:\n" + log());
  return *status;
}

void Daemon::run_as(std::pair<uid_t, gid_t> user) {
  std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
  for (const std::string& path : {dir_.path().string(), secret_file()}) {
    if (::chown(path.c_str(), user.first, user.second) != 0)
      throw std::system_error(errno, std::generic_category(), "chown " + path);
  }
  as = user;
}

void Daemon::kill() {
  child_->signal(SIGKILL);
  child_->wait(kSoonEnough);
}

void Daemon::hangup() {
  const auto said = [&] { return log_count("config.reloaded:") + log_count("config.refused:"); };
  const std::size_t before = said();
  child_->signal(SIGHUP);
  if (!eventually([&] { return said() > before; }))
    throw std::runtime_error("the daemon said nothing about the reload:\n" + log());
}

std::string Daemon::log() const { return earlier_ + (child_ ? child_->err() : ""); }
std::size_t Daemon::log_count(std::string_view text) const { return count_of(log(), text); }

RunResult Daemon::command(const std::vector<std::string>& args, std::optional<std::pair<uid_t, gid_t>> user) const {
  ChildOptions options = options_of(args);
  options.as = user;
  return run(std::move(options), Millis{60'000});
}

Json Daemon::query(const std::vector<std::string>& args) const {
  std::vector<std::string> all{"query"};
  all.insert(all.end(), args.begin(), args.end());
  all.emplace_back("--json");
  const RunResult result = command(all);
  if (!result.status || result.status->code != 0)
    throw std::runtime_error(fmt::format("query {} failed: {}{}", fmt::join(args, " "), result.out, result.err));
  return Json::parse(result.out);
}

Json Daemon::status(std::string_view function) const {
  const Json found = rows({"status", "--target", address(function)});
  return found.at(0);
}

bool Daemon::wait_for_status(std::string_view function, std::string_view status_wanted, Millis at_most) const {
  return eventually([&] { return status(function).at("status") == status_wanted; }, at_most);
}

bool Daemon::wait_for_polls(unsigned more, Millis at_most) {
  const auto before = cloud_.statistics().by_target;
  return eventually(
      [&] {
        const auto now = cloud_.statistics().by_target;
        return std::all_of(config.functions.begin(), config.functions.end(), [&](const auto& function) {
          const auto count = [&](const auto& all) {
            const auto found = all.find(key(function.first));
            return found == all.end() ? uint64_t{0} : found->second;
          };
          return count(now) >= count(before) + more;
        });
      },
      at_most);
}

std::vector<std::string> Daemon::kinds() const {
  std::vector<std::string> all;
  for (const Json& event : rows({"events"})) all.push_back(event.at("kind"));
  return all;
}

std::vector<Json> Daemon::alerts() const {
  std::vector<Json> all;
  for (const ReceivedRequest& request : receiver_.requests()) all.push_back(Json::parse(request.body).at("data"));
  return all;
}

bool Daemon::wait_for_alert(std::string_view kind, std::size_t count, Millis at_most) const {
  return eventually(
      [&] {
        const std::vector<Json> all = alerts();
        return std::count_if(all.begin(), all.end(), [&](const Json& a) { return a.at("kind") == kind; }) >=
               static_cast<std::ptrdiff_t>(count);
      },
      at_most);
}

std::string Daemon::status_page() const {
  const std::string text = log();
  const std::size_t line = text.rfind("http.listening:");
  const std::size_t at = line == std::string::npos ? line : text.find("http", line + std::strlen("http.listening:"));
  if (at == std::string::npos) throw std::runtime_error("the daemon does not say where its status page is:\n" + text);
  std::size_t end = text.find("127.0.0.1:", at) + std::strlen("127.0.0.1:");
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  return text.substr(at, end - at);
}

}  // namespace codedriftd::test
