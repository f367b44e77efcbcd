#include "e2e/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <stdexcept>

#include "e2e/record.h"

namespace codedriftd::test {
namespace {

constexpr std::string_view kDatabase = "codedriftd";
constexpr std::size_t kMostMembers = 3;
constexpr unsigned kCloudLimit = 20;  ///< as the cloud's, for all who call it together

ScfCredential key_of(std::size_t member) {
  return {fmt::format("FAKE-ID-{}", Fleet::host(member)), fmt::format("FAKE-KEY-{}-NOT-REAL", Fleet::host(member)), ""};
}

ScfOptions cloud_of_fleet() {
  ScfOptions options;
  options.credentials.clear();
  for (std::size_t member = 0; member < kMostMembers; ++member) options.credentials.push_back(key_of(member));
  options.requests_per_second = kCloudLimit;
  options.latency.split = {Millis{20}, Millis{60}};
  options.keep_requests = 200'000;
  return options;
}

std::string header_of(const std::vector<std::pair<std::string, std::string>>& headers, std::string_view name) {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; });
  return found == headers.end() ? "" : found->second;
}

/// The member whose name `text` holds behind `before`.
std::optional<std::size_t> member_in(std::string_view text, std::string_view before) {
  for (std::size_t member = 0; member < kMostMembers; ++member) {
    if (text.find(fmt::format("{}{}", before, Fleet::host(member))) != std::string_view::npos) return member;
  }
  return std::nullopt;
}

/// The events that a daemon's log says are in the record.
std::vector<std::pair<int64_t, std::string>> committed_in(const std::string& log) {
  static constexpr std::string_view kSeq = " seq=";
  std::vector<std::pair<int64_t, std::string>> all;
  std::istringstream lines(log);
  for (std::string line, time, level, kind; std::getline(lines, line);) {
    const std::size_t seq = line.rfind(kSeq);
    if (seq == std::string::npos || !(std::istringstream(line) >> time >> level >> kind)) continue;
    kind.pop_back();  // its colon
    all.emplace_back(std::stoll(line.substr(seq + kSeq.size())), kind);
  }
  return all;
}

}  // namespace

std::string Fleet::host(std::size_t member) { return fmt::format("host-{}", static_cast<char>('a' + member)); }
std::string Fleet::function(std::size_t index) { return fmt::format("f{}", index); }
std::string Fleet::second_function(std::size_t index) { return fmt::format("g{}", index); }

Fleet::Fleet(Options options)
    : functions_(options.second_account ? 2 * options.functions : options.functions),
      server_(PostgresServer::Kind::durable, options.port),
      cloud_(cloud_of_fleet()),
      looked_at_(&server_) {
  server_.create_database_with_roles(std::string(kDatabase));
  for (std::size_t i = 0; i < options.functions; ++i) {
    cloud_.set(Daemon::key(function(i)), hash_of("reviewed"));
    if (options.second_account) cloud_.set(Daemon::key(second_function(i)), hash_of("reviewed"));
  }
  for (std::size_t i = 0; i < options.members; ++i) add_member(options);
}

Fleet::~Fleet() = default;

void Fleet::add_member(const Options& options) {
  const std::size_t index = members_.size();
  Member member{std::make_unique<TempDir>(), nullptr, std::make_unique<Daemon>()};
  member.way = std::make_unique<DelayLine>(*member.folder / ".s.PGSQL.5432", server_.socket(), Millis{0});
  Daemon& daemon = *member.daemon;
  daemon.config.instance = host(index);
  daemon.config.endpoint = cloud_.endpoint();
  daemon.config.status_page = true;
  daemon.config.functions.clear();
  for (std::size_t i = 0; i < options.functions; ++i) daemon.config.functions.emplace_back(function(i), "");
  const std::string authorization = daemon.dir().write("authorization", fmt::format("Bearer {}", host(index)));
  std::filesystem::permissions(authorization, std::filesystem::perms::owner_read);
  daemon.config.alerts =
      webhook_alert("ops", fmt::format("http://127.0.0.1:{}/", receiver_.port()), daemon.secret_file(), "",
                    fmt::format("authorization_file = \"{}\"\n", authorization));
  daemon.config.more = fmt::format(
      "[store]\nurl = \"{}\"\nfleet = \"prod\"\n{}",
      options.url.empty() ? fmt::format("postgresql://{}/{}", member.folder->path().string(), kDatabase) : options.url,
      options.url.empty() ? "" : "tls = \"disable\"\n");
  const ScfCredential key = key_of(index);
  if (options.second_account) add_second_account(daemon, options.functions, key);
  daemon.env = {{"TENCENTCLOUD_SECRET_ID", key.secret_id}, {"TENCENTCLOUD_SECRET_KEY", key.secret_key}};
  daemon.write_config();
  members_.push_back(std::move(member));
}

void Fleet::add_second_account(Daemon& daemon, std::size_t functions, const ScfCredential& key) {
  daemon.config.alerts +=
      webhook_alert("audit", fmt::format("http://127.0.0.1:{}/audit", receiver_.port()), daemon.secret_file(), "",
                    fmt::format("authorization_file = \"{}\"\n", daemon.dir() / "authorization"));
  for (const auto& [name, value] : {std::pair("second.id", key.secret_id), std::pair("second.key", key.secret_key)}) {
    daemon.dir().write(name, value + "\n");
    std::filesystem::permissions(daemon.dir() / name, std::filesystem::perms::owner_read);
  }
  daemon.config.more += fmt::format(
      "[account.second]\nendpoint = \"{}\"\n[account.second.credentials]\nsource = \"files\"\nsecret_id_file = \"{}\"\n"
      "secret_key_file = \"{}\"\n",
      cloud_.endpoint(), daemon.dir() / "second.id", daemon.dir() / "second.key");
  for (std::size_t i = 0; i < functions; ++i)
    daemon.config.more += fmt::format("[[function]]\naccount = \"second\"\nname = \"{}\"\n", second_function(i));
}

void Fleet::start() {
  const RunResult migrated = daemon(0).command({"migrate", "--user", "postgres"});
  if (code_of(migrated) != 0) throw std::runtime_error("migrate: " + migrated.out + migrated.err);
  for (std::size_t member = 0; member < size(); ++member) {
    daemon(member).launch();
    if (!daemon(member).child().wait_for_output("daemon.ready", kSoonEnough))
      throw std::runtime_error("a member does not start:\n" + logs());
    if (member == 0 && !wait_for_holder(0)) throw std::runtime_error("the first does not take the work:\n" + logs());
  }
  const auto functions = static_cast<std::ptrdiff_t>(functions_);
  if (!eventually([&] { return count("baseline.set") == functions; }))
    throw std::runtime_error("what is deployed is not seen:\n" + logs());
}

Database& Fleet::record() {
  if (!record_) {
    record_ = std::make_unique<Database>(
        postgres::open(looked_at_->place(std::string(kDatabase)), postgres::Access::read_current));
  }
  return *record_;
}

void Fleet::look_at(const PostgresServer& server) {
  record_.reset();
  looked_at_ = &server;
}

std::optional<std::size_t> Fleet::holder(std::string_view lease) {
  try {
    auto row = record().query(
        "SELECT d.host FROM lease l JOIN daemon_run d ON d.id = l.holder WHERE l.name LIKE ? AND d.stopped_at_ms IS "
        "NULL AND d.fenced_by IS NULL ORDER BY l.name",
        lease);
    return row.step() ? member_in(row.text(0), "") : std::nullopt;
  } catch (const StoreError&) {
    return std::nullopt;
  }
}

bool Fleet::wait_for_holder(std::size_t member, Millis at_most) {
  return eventually([&] { return holder() == member; }, at_most);
}

std::optional<std::size_t> Fleet::wait_for_holder_after(std::size_t member, Millis at_most) {
  std::optional<std::size_t> now;
  const auto another = [&] {
    now = holder();
    return now && *now != member;
  };
  return eventually(another, at_most) ? now : std::nullopt;
}

bool Fleet::wait_for_call(std::size_t member, Millis at_most) {
  const WallTime since = now();
  return eventually(
      [&] {
        const std::vector<Act> all = calls();
        return std::any_of(all.begin(), all.end(),
                           [&](const Act& call) { return call.member == member && call.at >= since; });
      },
      at_most);
}

std::vector<Json> Fleet::events(int64_t first) {
  const auto read = [&] {
    std::vector<Json> all;
    auto row = record().query("SELECT body FROM event WHERE seq >= ? ORDER BY seq", first);
    while (row.step()) all.push_back(Json::parse(row.text(0)));
    return all;
  };
  try {
    return read();
  } catch (const StoreError&) {
    record_.reset();  // its server may have been away meanwhile
  }
  return read();
}

testing::AssertionResult Fleet::whole() {
  if (auto log = whole_log(record()); !log) return log;
  std::map<int64_t, std::string> said;
  for (std::size_t member = 0; member < size(); ++member) {
    for (const auto& [seq, kind] : committed_in(daemon(member).log())) {
      if (!said.emplace(seq, kind).second)
        return testing::AssertionFailure() << "two wrote event " << seq << ": " << said[seq] << ", " << kind;
    }
  }
  if (said.empty()) return testing::AssertionFailure() << "no member said that anything was committed";
  for (const Json& event : events()) {
    const auto found = said.find(event.at("seq").get<int64_t>());
    if (found == said.end()) continue;  // whoever wrote it was killed before it said so
    if (found->second != event.at("kind"))
      return testing::AssertionFailure() << found->second << " was said, and there is " << event;
    said.erase(found);
  }
  if (said.empty()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << said.size() << " events are lost, such as " << said.begin()->first << " "
                                     << said.begin()->second;
}

std::ptrdiff_t Fleet::count(std::string_view kind) {
  const std::vector<Json> all = events();
  return std::count_if(all.begin(), all.end(), [&](const Json& event) { return event.at("kind") == kind; });
}

std::vector<std::string> Fleet::drifts_to(std::string_view code) {
  std::vector<std::string> ids;
  const std::string hash = hash_of(code);
  for (const Json& event : events()) {
    if (event.at("kind").get<std::string>().starts_with("drift.") && event.at("data").at("observed_sha256") == hash)
      ids.push_back(event.at("id"));
  }
  return ids;
}

std::ptrdiff_t Fleet::times_told(const std::string& event) const {
  const std::vector<ReceivedRequest> requests = receiver_.requests();
  return std::count_if(requests.begin(), requests.end(), [&](const ReceivedRequest& request) {
    const auto told = told_by(Json::parse(request.body).at("data"));
    return std::any_of(told.begin(), told.end(), [&](const auto& of_target) {
      return std::find(of_target.second.begin(), of_target.second.end(), event) != of_target.second.end();
    });
  });
}

bool Fleet::wait_for_drift_told(std::string_view code, Millis at_most) {
  return eventually(
      [&] {
        const std::vector<std::string> ids = drifts_to(code);
        return !ids.empty() && times_told(ids.front()) > 0;
      },
      at_most);
}

WallTime Fleet::wall_of(MonoTime at) const {
  return clock_.wall() - std::chrono::duration_cast<Millis>(clock_.mono() - at);
}

std::vector<Fleet::Act> Fleet::calls() const {
  std::vector<Act> all;
  for (const ScfRequest& request : cloud_.requests()) {
    if (const auto member = member_in(header_of(request.headers, "authorization"), "FAKE-ID-"))
      all.push_back({wall_of(request.arrived), *member, request.target});
  }
  return all;
}

std::vector<Fleet::Act> Fleet::deliveries() const {
  std::vector<Act> all;
  for (const ReceivedRequest& request : receiver_.requests()) {
    if (const auto member = member_in(request.header("authorization"), "Bearer "))
      all.push_back({wall_of(request.arrived), *member, request.path});
  }
  return all;
}

std::vector<Fleet::Act> Fleet::take_overs(std::string_view kind) {
  std::vector<Act> all;
  for (const Json& event : events()) {
    if (event.at("kind") != "fleet.took_over") continue;
    const auto leases = event.at("data").at("leases").get<std::vector<std::string>>();
    if (std::none_of(leases.begin(), leases.end(), [&](const std::string& lease) { return lease.starts_with(kind); }))
      continue;
    all.push_back({parse_rfc3339(event.at("time").get<std::string>()).value(),
                   member_in(event.at("data").at("host").get<std::string>(), "").value()});
  }
  return all;
}

std::vector<Fleet::Act> Fleet::of_others(const std::vector<Act>& acts, const std::vector<Act>& take_overs) {
  constexpr Millis kRounding{2};
  std::vector<Act> found;
  for (const Act& act : acts) {
    const auto next = std::upper_bound(take_overs.begin(), take_overs.end(), act.at - kRounding,
                                       [](WallTime at, const Act& taken) { return at < taken.at; });
    if (next == take_overs.begin() || std::prev(next)->member != act.member) found.push_back(act);
  }
  return found;
}

std::string Fleet::logs() {
  std::string all;
  for (std::size_t member = 0; member < size(); ++member)
    all += fmt::format("---- {}\n{}\n", host(member), daemon(member).log());
  return all;
}

}  // namespace codedriftd::test
