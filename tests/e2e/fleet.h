#pragma once
/// Several built daemons with one record on a PostgreSQL server of their own, one simulated cloud and one receiver.
/// Each reaches the server by a way of its own, which can be cut; each has its own key, and shows the receiver another
/// authorization, so that what it does can be told from what the others do: their configuration is the same.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "e2e/daemon.h"
#include "support/delay_line.h"
#include "support/postgres_server.h"
#include "support/receiver.h"
#include "support/simulated_scf.h"
#include "support/temp_dir.h"

namespace codedriftd::test {

/// As Membership has them: nobody is taken for dead before, and a standby looks every second.
inline constexpr Millis kFleetTimeToLive{15'000};
inline constexpr Millis kTakenOverWithin{20'000};

class Fleet {
 public:
  struct Options {
    std::size_t members = 2;
    std::size_t functions = 5;
    std::string url{};  ///< what every member has for [store] url; empty: each its own way to server()
    /// As many functions again, g0 and so on, in an account "second" with credentials of its own, and a destination
    /// "audit" beside "ops": two leases of each kind.
    bool second_account = false;
    uint16_t port = 0;  ///< of server(), on 127.0.0.1; 0: its socket alone
  };
  explicit Fleet(Options options);
  ~Fleet();

  /// Migrates; starts the first, which takes all leases, and then the others; returns when every function was seen.
  /// Throws std::runtime_error.
  void start();
  /// One that has ended, or never began. Returns at once.
  void launch(std::size_t member) { daemon(member).launch(); }

  PostgresServer& server() { return server_; }
  /// What is said of the record from now on is what this one has, instead of server().
  void look_at(const PostgresServer& server);
  SimulatedScf& cloud() { return cloud_; }
  Receiver& receiver() { return receiver_; }
  std::size_t size() const { return members_.size(); }
  Daemon& daemon(std::size_t member) { return *members_[member].daemon; }
  DelayLine& way(std::size_t member) { return *members_[member].way; }
  static std::string host(std::size_t member);
  static std::string function(std::size_t index);
  /// Of account "second".
  static std::string second_function(std::size_t index);

  /// Who holds the lane, as the server has it; nullopt: nobody does who is neither stopped nor fenced, or it cannot be
  /// asked.
  std::optional<std::size_t> holder(std::string_view lease = "lane/%");
  bool wait_for_holder(std::size_t member, Millis at_most = kTakenOverWithin);
  /// The same of anybody but this one. Who it is; nullopt: nobody in time.
  std::optional<std::size_t> wait_for_holder_after(std::size_t member, Millis at_most = kTakenOverWithin);
  /// True as soon as this member called the cloud once more.
  bool wait_for_call(std::size_t member, Millis at_most = kSoonEnough);

  /// All of the log from `first` on, in order. Throws StoreError.
  std::vector<Json> events(int64_t first = 0);
  std::ptrdiff_t count(std::string_view kind);
  /// The ids of the drift events that saw this code.
  std::vector<std::string> drifts_to(std::string_view code);
  bool wait_for_drift_told(std::string_view code, Millis at_most = kSoonEnough);
  /// How many requests told of an event.
  std::ptrdiff_t times_told(const std::string& event) const;

  /// The log is whole, and holds once what members said was committed.
  testing::AssertionResult whole();

  struct Act {
    WallTime at;
    std::size_t member;
    std::string what{};  ///< the target of a call, the path of a delivery
  };
  /// Who called the cloud, and who delivered, in order of arrival.
  std::vector<Act> calls() const;
  std::vector<Act> deliveries() const;
  /// Each time that a lease of that kind was taken, in order: "lane/", "alert/".
  std::vector<Act> take_overs(std::string_view kind);
  /// Those of `acts` that were done while somebody else held the lease.
  static std::vector<Act> of_others(const std::vector<Act>& acts, const std::vector<Act>& take_overs);

  WallTime now() const { return clock_.wall(); }
  /// The logs of all, for a failure.
  std::string logs();

 private:
  struct Member {
    std::unique_ptr<TempDir> folder;  ///< of the way's socket
    std::unique_ptr<DelayLine> way;
    std::unique_ptr<Daemon> daemon;
  };
  void add_member(const Options& options);
  void add_second_account(Daemon& daemon, std::size_t functions, const ScfCredential& key);
  Database& record();
  WallTime wall_of(MonoTime at) const;

  SystemClock clock_;
  const std::size_t functions_;  ///< of all accounts
  PostgresServer server_;
  SimulatedScf cloud_;
  Receiver receiver_;
  std::vector<Member> members_;
  const PostgresServer* looked_at_;
  std::unique_ptr<Database> record_;
};

}  // namespace codedriftd::test
