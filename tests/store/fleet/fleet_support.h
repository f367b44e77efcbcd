#pragma once
/// What the tests of a fleet share: its record on a PostgreSQL server, whatever the tested engine is, and its members.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "store/fleet/membership.h"
#include "store/store_support.h"
#include "support/manual_clock.h"

namespace codedriftd::test {

using namespace std::chrono_literals;
using Refused = StoreError::Kind;

/// One daemon of the fleet, on connections of its own.
struct FleetHost {
  FleetHost(Database its_db, const Clock& host_clock, const std::string& its_name)
      : name(its_name),
        db(std::move(its_db)),
        clock(host_clock),
        claims(clock),
        member(name, "digest of " + name, clock, claims) {
    member.join(db);
  }

  void write(const std::function<void()>& work) {
    db.begin_write(member, clock);
    try {
      work();
      db.commit();
    } catch (const StoreError&) {
      db.rollback();
      throw;
    }
  }
  void renew() {
    write([] {});
  }
  Membership::Turn turn() {
    Membership::Turn turn;
    write([&] { turn = member.turn(db, wishes); });
    return turn;
  }
  bool holds(const std::string& lease = "all") const { return claims.hold(lease); }

  const std::string name;
  Database db;
  FleetClock clock;
  Claims claims;
  Membership member;
  Membership::Wishes wishes{{"all"}, true};
};

/// Their clock stands still but for what a test lets pass.
class PostgresFleet : public testing::Test {
 protected:
  PostgresFleet() { administrator_.execute("CREATE TABLE written (by text, UNIQUE (by) DEFERRABLE)"); }
  ~PostgresFleet() override { administrator_.execute("DROP TABLE written"); }

  std::unique_ptr<FleetHost> host(const std::string& name) {
    return std::make_unique<FleetHost>(record_.open_writer(), clock_, name);
  }
  /// Time passes for the database alone: nobody's host notices.
  void pass_in_database(Millis by) { administrator_.run("UPDATE daemon_run SET alive_at_ms = alive_at_ms - ?", by); }
  void pass(Millis by) {
    pass_in_database(by);
    clock_.step_mono(by);
  }
  /// Ends all other connections to the database, as a server does that goes away.
  void cut() {
    administrator_
        .query_once(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid != "
            "pg_backend_pid()")
        .step();
  }
  int64_t number(const std::string& sql) { return test::number(administrator_, sql); }
  std::string written() { return joined(administrator_, "SELECT by FROM written ORDER BY by"); }

  static std::pair<Refused, std::string> refusal_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const StoreError& error) {
      return {error.kind(), error.what()};
    }
    ADD_FAILURE() << "nothing was refused";
    return {};
  }

  TestRecord record_{"", Engine::postgres};
  ManualClock clock_{SystemClock{}.wall()};
  Database administrator_ = record_.open_writer();
};

}  // namespace codedriftd::test
