#include "web/site.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "support/manual_clock.h"
#include "support/process.h"
#include "support/recorded.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

constexpr Millis kSoon{20'000};

/// A clock at which whoever asks for the wall's time waits: a request asks it once it has its turn.
class GateClock final : public Clock {
 public:
  WallTime wall() const override {
    ++waiting_;
    open_.wait(false);
    return time_.wall();
  }
  MonoTime mono() const override { return time_.mono(); }
  int waiting() const { return waiting_; }
  void open() {
    open_ = true;
    open_.notify_all();
  }

 private:
  const ManualClock time_;
  mutable std::atomic<int> waiting_{0};
  std::atomic<bool> open_{false};
};

std::string header(const WebReply& reply, const std::string& name) {
  for (const auto& [key, value] : reply.headers) {
    if (key == name) return value;
  }
  return {};
}

/// Requests for the log, each on a thread of its own.
class Askers {
 public:
  explicit Askers(Site& site) : site_(site) {}
  void ask(const char* path = "/api/v1/events") {
    threads_.emplace_back([this, path] {
      WebReply reply = site_.answer({path, {}, ""});
      if (reply.status == 200) ++answered_;
      if (reply.status == 200) return;
      *last_refusal_.lock() = std::move(reply);
      ++refused_;
    });
  }
  int answered() const { return answered_; }
  int refused() const { return refused_; }
  WebReply last_refusal() const { return last_refusal_.copy(); }
  void join() { threads_.clear(); }

 private:
  Site& site_;
  std::atomic<int> answered_{0}, refused_{0};
  Guarded<WebReply> last_refusal_;
  std::vector<std::jthread> threads_;
};

Recorded& recorded(Recorded& r) {
  r.watch({"charge"}, Recorded::at(0));
  return r;
}

std::function<Database()> readers_of(const Recorded& r) {
  return [&r] { return r.open_reader(); };
}

TEST(Site, ARecordThatCannotBeReadIsAnErrorEachTimeAndTakesNoTurnWithIt) {
  const TempDir dir;
  const ManualClock clock;
  Site site([&] { return sqlite::open_reader(dir / "nothing.db"); }, {"ops-1"}, clock);
  for (int i = 0; i < 10; ++i) EXPECT_THROW(site.answer({"/", {}, ""}), StoreError);
}

TEST(Site, AnswersTwoAtATimeLetsTwoWaitAndSendsMoreAway) {
  Recorded r;
  GateClock clock;
  Site site(readers_of(recorded(r)), {"ops-1"}, clock);
  Askers askers(site);
  for (int i = 0; i < 2; ++i) askers.ask();
  ASSERT_TRUE(wait_until([&] { return clock.waiting() == 2; }, kSoon));
  for (int i = 0; i < 3; ++i) askers.ask();
  ASSERT_TRUE(wait_until([&] { return askers.refused() == 1; }, kSoon)) << "whichever came last";
  const WebReply busy = askers.last_refusal();
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.body, "busy with other reports; ask again\n");
  EXPECT_EQ(header(busy, "Retry-After"), "1");
  EXPECT_EQ(clock.waiting(), 2);
  for (const char* constant : {"/openapi.json", "/assets/page.css", "/assets/page.js"})
    EXPECT_EQ(site.answer({constant, {}, ""}).status, 200) << constant << ": the same whoever else is there";
  clock.open();
  askers.join();
  EXPECT_EQ(askers.answered(), 4);
  EXPECT_EQ(site.answer({"/", {}, ""}).status, 200) << "the turns were given back";
}

TEST(Site, WhatIsTooMuchForItIsSaidToAPersonInAPage) {
  Recorded r;
  const ManualClock clock;
  Site site(readers_of(recorded(r)), {"ops-1"}, clock, Millis{0});
  const WebReply page = site.answer({"/function/" + Recorded::address("charge"), {}, ""});
  EXPECT_EQ(page.status, 503);
  EXPECT_EQ(page.type, "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("That took longer than 0 s: narrow it with since or a function."), std::string::npos)
      << page.body;
  const WebReply api = site.answer({"/api/v1/events", {}, ""});
  EXPECT_EQ(api.status, 503);
  EXPECT_EQ(api.type, "text/plain; charset=utf-8");
  EXPECT_EQ(api.body, "that took longer than 0 s: narrow it with since or a function\n");
  EXPECT_EQ(Site(readers_of(r), {"ops-1"}, clock).answer({"/api/v1/events", {}, ""}).status, 200);
}

TEST(Site, AStopEndsWhatIsAnsweredAndWhatWaits) {
  Recorded r;
  GateClock clock;
  Site site(readers_of(recorded(r)), {"ops-1"}, clock);
  Askers askers(site);
  for (int i = 0; i < 3; ++i) askers.ask();
  ASSERT_TRUE(wait_until([&] { return clock.waiting() == 2; }, kSoon));
  site.stop();
  EXPECT_TRUE(wait_until([&] { return askers.refused() == 1; }, kSoon)) << "the one that waited for its turn";
  clock.open();
  askers.join();
  EXPECT_EQ(askers.refused(), 3);
  EXPECT_EQ(site.answer({"/api/v1/events", {}, ""}).body, "the daemon is stopping; ask again once it has started\n");
  EXPECT_EQ(site.answer({"/", {}, ""}).status, 503);
}

TEST(Site, AnswersAfterAnErrorInTheMiddleAsIfThereHadBeenNone) {
  Recorded r;
  const ManualClock clock;
  Site site(readers_of(recorded(r)), {"ops-1"}, clock);
  EXPECT_EQ(site.answer({"/api/v1/status", {}, ""}).status, 200);
  r.db().execute("ALTER TABLE event RENAME TO elsewhere");
  for (int i = 0; i < 3; ++i) EXPECT_THROW(site.answer({"/api/v1/events", {}, ""}), StoreError);
  r.db().execute("ALTER TABLE elsewhere RENAME TO event");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(site.answer({"/api/v1/events", {}, ""}).status, 200);
  r.watch({"charge", "refund"}, Recorded::at(1));
  EXPECT_NE(site.answer({"/api/v1/status", {}, ""}).body.find("refund"), std::string::npos)
      << "no transaction was left open on what was read before";
}

}  // namespace
}  // namespace codedriftd::test
