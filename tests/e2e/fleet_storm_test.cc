/// Three daemons with one record while whatever can happen to one of them, and to the server, happens at random.
/// CODEDRIFTD_FLEET_SECONDS says for how long.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "e2e/fleet.h"
#include "e2e/record.h"
#include "support/seed.h"

namespace codedriftd::test {
namespace {

/// Longer than what has begun and whose end nobody knows is left alone: an attempt to deliver.
constexpr Millis kAllToldWithin{120'000};
/// PostgreSQL that is killed while it starts its processes may not end.
constexpr Millis kServerUpFor{3'000};
constexpr std::size_t kMostDriftsOfOne = 4;  ///< from the sixth within an hour on, they are told together

Millis storm_length() {
  const char* seconds = std::getenv("CODEDRIFTD_FLEET_SECONDS");
  return Millis{1000 * (seconds == nullptr ? 60 : std::max(10, std::atoi(seconds)))};
}

class FleetStorm : public testing::Test {
 protected:
  using Time = MonoTime;
  enum class Fault { none, killed, paused, cut };
  struct Member {
    Fault fault = Fault::none;
    Time until{};
  };

  FleetStorm()
      : length_(storm_length()),
        functions_(length_ > Millis{300'000} ? 200 : 40),
        fleet_({.members = 3, .functions = functions_, .url = {}, .port = 0}),
        random_(random_from(seed())) {}

  Millis between(int least, int most) { return Millis{std::uniform_int_distribution<>(least, most)(random_)}; }

  void begin_fault() {
    if (between(0, 5).count() == 0 && !server_down_until_ && clock_.mono() > server_up_at_ + kServerUpFor) {
      fleet_.server().crash();
      ++begun_["server"];
      server_down_until_ = clock_.mono() + between(500, 8'000);
      return;
    }
    // Who works is hit more often than the others.
    const std::optional<std::size_t> holder = between(0, 1).count() == 0 ? fleet_.holder() : std::nullopt;
    const std::size_t index = holder.value_or(static_cast<std::size_t>(between(0, 2).count()));
    Member& member = members_[index];
    if (member.fault != Fault::none) return;
    switch (between(0, 2).count()) {
      case 0:
        fleet_.daemon(index).kill();
        ++begun_["kill"];
        member = {Fault::killed, clock_.mono() + between(0, 10'000)};
        break;
      case 1:
        fleet_.daemon(index).child().signal(SIGSTOP);
        ++begun_["pause"];
        member = {Fault::paused, clock_.mono() + between(500, 20'000)};
        break;
      default:
        fleet_.way(index).cut();
        ++begun_["cut"];
        member = {Fault::cut, clock_.mono() + between(500, 20'000)};
    }
  }

  void end_fault(std::size_t index) {
    const Fault fault = std::exchange(members_[index].fault, Fault::none);
    if (fault == Fault::paused) fleet_.daemon(index).child().signal(SIGCONT);
    if (fault == Fault::cut) fleet_.way(index).mend();
    if (fault == Fault::killed) fleet_.launch(index);
    EXPECT_TRUE(fleet_.daemon(index).running()) << fleet_.daemon(index).log();
  }
  void end_faults(bool all) {
    if (server_down_until_ && (all || *server_down_until_ <= clock_.mono())) {
      server_down_until_.reset();
      fleet_.server().start();
      server_up_at_ = clock_.mono();
    }
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (members_[i].fault != Fault::none && (all || members_[i].until <= clock_.mono())) end_fault(i);
    }
  }

  /// The next function whose last drift is in the record drifts again.
  void deploy() {
    look_at_the_record();
    for (std::size_t tries = 0; tries < functions_; ++tries) {
      const std::size_t function = next_function_++ % functions_;
      std::vector<std::string>& codes = deployed_[function];
      if (codes.size() >= kMostDriftsOfOne || (!codes.empty() && !recorded_.contains(codes.back()))) continue;
      codes.push_back(hash_of(fmt::format("{} of {}", codes.size(), function)));
      fleet_.cloud().set(Daemon::key(Fleet::function(function)), codes.back());
      return;
    }
  }
  void look_at_the_record() {
    try {
      for (const Json& event : fleet_.events(next_seq_)) {
        next_seq_ = event.at("seq").get<int64_t>() + 1;
        if (event.at("kind").get<std::string>().starts_with("drift."))
          recorded_.insert(event.at("data").at("observed_sha256").get<std::string>());
      }
    } catch (const StoreError&) {
      // its server is away
    }
  }
  bool all_recorded() {
    look_at_the_record();
    return std::all_of(deployed_.begin(), deployed_.end(),
                       [&](const auto& of_one) { return recorded_.contains(of_one.second.back()); });
  }
  bool all_delivered() {
    const Json rows = fleet_.daemon(0).rows({"alerts"});
    return std::all_of(rows.begin(), rows.end(), [](const Json& row) { return row.at("state") == "delivered"; });
  }

  void expect_each_drift_once(const std::vector<Json>& events) {
    std::map<std::string, int> times;
    for (const Json& event : events) {
      if (event.at("kind").get<std::string>().starts_with("drift."))
        ++times[event.at("data").at("observed_sha256").get<std::string>()];
    }
    for (const auto& [function, codes] : deployed_) {
      for (const std::string& code : codes) EXPECT_EQ(times[code], 1) << Fleet::function(function);
    }
  }
  void expect_all_told_in_order(const std::vector<Json>& events, const std::vector<ReceivedRequest>& requests) {
    std::map<std::string, int64_t> seq_of;
    for (const Json& event : events) {
      if (event.at("kind").get<std::string>().starts_with("drift.")) seq_of[event.at("id")] = event.at("seq");
    }
    std::map<std::string, int64_t> newest_told;
    std::set<std::string> told;
    for (const ReceivedRequest& request : requests) {
      for (const auto& [target, ids] : told_by(Json::parse(request.body).at("data"))) {
        for (const std::string& id : ids) {
          if (!seq_of.contains(id) || !told.insert(id).second) continue;
          EXPECT_GT(seq_of[id], newest_told[target]) << "out of order: " << target;
          newest_told[target] = seq_of[id];
        }
      }
    }
    EXPECT_EQ(told.size(), seq_of.size()) << "not every drift was told";
  }
  void print_figures(const std::vector<Fleet::Act>& calls, const std::vector<Fleet::Act>& taken, std::size_t late_calls,
                     std::size_t late_deliveries) {
    std::vector<Millis> silences{Millis{0}};
    for (std::size_t i = 1; i < calls.size(); ++i) {
      if (calls[i].member != calls[i - 1].member)
        silences.push_back(std::chrono::duration_cast<Millis>(calls[i].at - calls[i - 1].at));
    }
    std::sort(silences.begin(), silences.end());
    std::size_t drifts = 0;
    for (const auto& [function, codes] : deployed_) drifts += codes.size();
    std::printf(
        "fleet of %zu for %lld s: %d kills, %d pauses, %d cuts, %d crashes of the server; %zu take-overs, without a "
        "call for %.1f s (median), %.1f s (longest); %zu calls, %zu of them late, at most %u in a second; %zu drifts, "
        "%zu deliveries, %zu of them late\n",
        fleet_.size(), static_cast<long long>(length_.count() / 1000), begun_["kill"], begun_["pause"], begun_["cut"],
        begun_["server"], taken.size(), static_cast<double>(silences[silences.size() / 2].count()) / 1000,
        static_cast<double>(silences.back().count()) / 1000, calls.size(), late_calls,
        fleet_.cloud().statistics().busiest_second_sent, drifts, fleet_.receiver().count(), late_deliveries);
  }

  const Millis length_;
  const std::size_t functions_;
  Fleet fleet_;
  std::mt19937_64 random_;
  SystemClock clock_;
  std::array<Member, 3> members_;
  std::optional<Time> server_down_until_;
  Time server_up_at_{};
  std::map<std::string, int> begun_;  ///< faults, by kind
  std::map<std::size_t, std::vector<std::string>> deployed_;
  std::size_t next_function_ = 0;
  std::set<std::string> recorded_;  ///< code that a drift event saw
  int64_t next_seq_ = 0;
};

TEST_F(FleetStorm, LosesNothingTellsAllAndNeverWorksTwice) {
  ASSERT_NO_THROW(fleet_.start());
  const Millis deploy_every = std::max(Millis{1'000}, length_ / static_cast<int>(functions_ * kMostDriftsOfOne));
  const Time end = clock_.mono() + length_;
  Time next_fault = clock_.mono() + between(500, 2'000), next_deploy{};
  while (clock_.mono() < end) {
    end_faults(false);
    if (clock_.mono() >= next_fault) {
      begin_fault();
      next_fault = clock_.mono() + between(500, 5'000);
    }
    if (clock_.mono() >= next_deploy) {
      deploy();
      next_deploy = clock_.mono() + deploy_every;
    }
    std::this_thread::sleep_for(Millis{50});
  }
  end_faults(true);
  EXPECT_TRUE(eventually([&] { return all_recorded(); }, kAllToldWithin)) << fleet_.logs();
  EXPECT_TRUE(eventually([&] { return all_delivered(); }, kAllToldWithin)) << fleet_.daemon(0).rows({"alerts"});
  for (std::size_t i = 0; i < fleet_.size(); ++i)
    EXPECT_EQ(fleet_.daemon(i).stop(), (ExitStatus{0, 0})) << fleet_.daemon(i).log();

  const std::vector<Json> events = fleet_.events();
  const std::vector<ReceivedRequest> requests = fleet_.receiver().requests();
  EXPECT_TRUE(fleet_.whole());
  EXPECT_TRUE(same_bytes_under_one_id(requests, kWebhookSecret));
  expect_each_drift_once(events);
  expect_all_told_in_order(events, requests);
  const std::vector<Fleet::Act> calls = fleet_.calls(), taken = fleet_.take_overs("lane/");
  const std::size_t late_calls = Fleet::of_others(calls, taken).size();
  const std::size_t late_deliveries = Fleet::of_others(fleet_.deliveries(), fleet_.take_overs("alert/")).size();
  print_figures(calls, taken, late_calls, late_deliveries);
  // Between the last look at the clock and the call itself one can be paused; nothing else makes it late.
  EXPECT_LE(late_calls, static_cast<std::size_t>(begun_["pause"]));
  EXPECT_LE(late_deliveries, static_cast<std::size_t>(begun_["pause"]));
  const ScfStatistics cloud = fleet_.cloud().statistics();
  EXPECT_LE(cloud.busiest_second_sent, 20U);
  EXPECT_EQ(cloud.refused, 0U);
  for (const char* invented : {"poll.failing", "target.missing", "record.restored"})
    EXPECT_EQ(fleet_.count(invented), 0) << invented;
}

}  // namespace
}  // namespace codedriftd::test
