#include "inspection/inspector.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <map>
#include <semaphore>

#include "base/json.h"
#include "store/ledger/watch_list.h"
#include "store/packages/packages.h"
#include "support/manual_clock.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/test_record.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

/// What packages there are, by link. Thread-safe.
struct Shelf {
  struct Package {
    std::string bytes;  ///< what comes, whose hash this is
    Examination inside;
    std::string fetch_trouble;  ///< why it cannot be fetched, or empty
    std::string examine_trouble;
    bool for_good = false;
  };
  std::map<std::string, Package> by_link;
  std::atomic<int> fetches{0}, at_once{0}, most_at_once{0};
  std::vector<std::string> order;
  std::counting_semaphore<1000> gate{0};
  std::atomic<bool> gated = false;
  bool until_stopped = false;  ///< an examination goes on until it is cancelled
};

class ShelfSource final : public PackageSource {
 public:
  explicit ShelfSource(Guarded<Shelf*>& shelf) : shelf_(shelf) {}

  Result<FetchedPackage, FetchFailure> fetch(const Secret& url, const FetchRules&, int) override {
    Shelf* shelf = shelf_.copy();
    ++shelf->fetches;
    const int now = ++shelf->at_once;
    int most = shelf->most_at_once;
    while (now > most && !shelf->most_at_once.compare_exchange_weak(most, now)) {
    }
    shelf_.lock().operator*()->order.emplace_back(url.reveal());
    if (shelf->gated) shelf->gate.acquire();
    const Shelf::Package& package = shelf->by_link.at(std::string(url.reveal()));
    --shelf->at_once;
    if (!package.fetch_trouble.empty()) return FetchFailure{package.fetch_trouble, false, false, package.for_good};
    last_ = &package;
    FetchedPackage fetched;
    fetched.bytes = package.bytes.size();
    fetched.sha256 = sha256(package.bytes);
    return fetched;
  }
  Result<Examination> examine(int, const InspectionRules&, int cancel_fd) override {
    pollfd cancelled{cancel_fd, POLLIN, 0};
    if (shelf_.copy()->until_stopped) {
      EXPECT_EQ(::poll(&cancelled, 1, 30'000), 1);
    }
    if (!last_->examine_trouble.empty()) return Error{last_->examine_trouble};
    return last_->inside;
  }

 private:
  Guarded<Shelf*>& shelf_;
  const Shelf::Package* last_ = nullptr;
};

bool soon(const std::function<bool()>& predicate) { return wait_until(predicate, 30s); }

Examination holding(const std::string& text) {
  Examination inside;
  inside.files = {{"index.py", 0644, text.size(), sha256(text)}};
  inside.package_bytes = 100;
  inside.unpacked_bytes = text.size();
  return inside;
}

class InspectorTest : public testing::Test {
 protected:
  InspectorTest() : ledger("ops-1", "ops-1/codedriftd") {
    writer = std::make_unique<Writer>(record.open_writer(), clock, Writer::Options{});
    WatchList list;
    for (const char* function : {"charge", "refund"}) {
      list.entries.push_back({{"prod", "ap-guangzhou", "default", function, "$LATEST"}, {}});
      list.entries.back().watched.interval = 60s;
      list.entries.back().watched.stale_after = 180s;
    }
    writer->run([&](Tx& tx) {
      for (const auto& each : sync_watch_list(tx, ledger, list, clock.wall()).targets)
        ids.emplace(each.target.function, each.id);
    });
    InspectionRules rules;
    rules.fetch["prod"] = {};
    Inspector::Hooks hooks;
    hooks.poll_again = [this](TargetId id) { polled_again.lock()->push_back(id); };
    hooks.source = [this] { return std::make_unique<ShelfSource>(shelf_); };
    inspector = std::make_unique<Inspector>(*writer, ledger, clock, rules, std::move(hooks));
  }
  ~InspectorTest() override {
    shelf.gate.release(100);
    inspector->stop();
  }

  void stock(const std::string& bytes, Examination inside, std::string link = {}) {
    if (link.empty()) link = bytes;
    shelf.by_link[link] = {bytes, std::move(inside), "", ""};
  }
  /// A is live and accepted, and what is inside is known.
  void begin() {
    stock("A", holding("hello"));
    inspector->start();
    see("charge", "A");
    ASSERT_TRUE(soon([&] { return state("charge").accepted_content.has_value(); }));
  }
  /// `code` is observed at `function`, as the poller would say it; its package is wanted if the ledger says so.
  void see(const std::string& function, const std::string& code, std::string link = {}) {
    if (link.empty()) link = code;
    Applied applied;
    Observation seen;
    seen.outcome = Outcome::observed;
    seen.sha256 = sha256(code);
    seen.obtainable = true;
    writer->run([&](Tx& tx) { applied = ledger.apply(tx, ids.at(function), seen, clock.wall()); });
    if (applied.unexamined)
      inspector->want(ids.at(function), "prod", sha256(code), Secret(std::move(link)), applied.urgency);
  }
  TargetState state(const std::string& function) {
    TargetState found;
    writer->run([&](Tx& tx) { found = targets::load(tx.db, ids.at(function)).state; });
    return found;
  }
  std::optional<PackageRow> package(const std::string& code) {
    std::optional<PackageRow> found;
    writer->run([&](Tx& tx) { found = packages::find(tx.db, sha256(code)); });
    return found;
  }
  bool becomes(const std::string& function, Status status) {
    return soon([&] { return bare_status(state(function), clock.wall()) == status; });
  }

  TempDir dir;
  TestRecord record{dir / "codedriftd.db"};
  ManualClock clock;
  Ledger ledger;
  std::unique_ptr<Writer> writer;
  std::map<std::string, TargetId> ids;
  Shelf shelf;
  Guarded<Shelf*> shelf_{&shelf};
  Guarded<std::vector<TargetId>> polled_again;
  std::unique_ptr<Inspector> inspector;
};

TEST_F(InspectorTest, WhatIsLiveIsExaminedOnceForEveryFunctionThatRunsIt) {
  stock("A", holding("hello"));
  see("charge", "A");
  see("refund", "A");
  inspector->start();
  ASSERT_TRUE(soon([&] { return state("charge").accepted_content && state("refund").accepted_content; }));
  EXPECT_EQ(state("charge").accepted_content->digest, content_of(holding("hello").files));
  see("charge", "A");
  see("refund", "A");
  EXPECT_EQ(shelf.fetches, 1);
  EXPECT_EQ(inspector->stats().examined, 1U);
}

TEST_F(InspectorTest, TheSameContentPackedAnewIsAcceptedWithoutDrift) {
  stock("A", holding("hello"));
  stock("B", holding("hello"));
  inspector->start();
  see("charge", "A");
  ASSERT_TRUE(soon([&] { return state("charge").accepted_content.has_value(); }));
  see("charge", "B");
  EXPECT_NE(bare_status(state("charge"), clock.wall()), Status::drifted);
  ASSERT_TRUE(becomes("charge", Status::in_sync));
  EXPECT_EQ(state("charge").accepted, sha256("B"));
  EXPECT_EQ(state("charge").accepted_source, AcceptedSource::content);
}

TEST_F(InspectorTest, AnotherContentIsDriftThatSaysWhatChanged) {
  stock("A", holding("hello"));
  stock("B", holding("stolen"));
  inspector->start();
  see("charge", "A");
  ASSERT_TRUE(soon([&] { return state("charge").accepted_content.has_value(); }));
  see("charge", "B");
  ASSERT_TRUE(becomes("charge", Status::drifted));
  Json data;
  writer->run([&](Tx& tx) {
    auto q = tx.db.query("SELECT body FROM event WHERE kind = 'drift.detected'");
    if (q.step()) data = Json::parse(q.string(0)).at("data");
  });
  EXPECT_EQ(data.at("changes").at("changed"), 1);
  EXPECT_EQ(data.at("changes").at("files").at(0).at("name"), "index.py");
  EXPECT_EQ(data.at("examined"), "examined");
}

TEST_F(InspectorTest, BytesThatAreOthersAreAskedForThreeTimesWithFreshLinks) {
  stock("A", holding("hello"));
  stock("other bytes", holding("hello"), "B");
  inspector->start();
  see("charge", "A");
  ASSERT_TRUE(soon([&] { return state("charge").accepted_content.has_value(); }));
  for (std::size_t tries = 1; tries <= 2; ++tries) {
    see("charge", "B");
    ASSERT_TRUE(soon([&] { return inspector->stats().tries == tries; }));
    see("charge", "B");
    EXPECT_EQ(inspector->stats().queued, 0U) << "not at once again";
    clock.advance(Inspector::kTryAgain[tries - 1]);
    ASSERT_TRUE(soon([&] { return polled_again.lock()->size() == tries; }));
    EXPECT_FALSE(package("B"));
  }
  see("charge", "B");
  ASSERT_TRUE(becomes("charge", Status::drifted));
  EXPECT_EQ(package("B").value().state, PackageState::mismatch);
  EXPECT_EQ(inspector->stats().mismatch, 1U);
  EXPECT_EQ(polled_again.copy(), (std::vector<TargetId>{ids.at("charge"), ids.at("charge")}));
  // Not again before a while; then the poll's link is good for another look.
  see("charge", "B");
  EXPECT_EQ(inspector->stats().queued, 0U);
  stock("B", holding("hello"));
  clock.advance(Inspector::kAgainAfter);
  see("charge", "B");
  ASSERT_TRUE(becomes("charge", Status::in_sync)) << "it proved to be what was accepted";
}

TEST_F(InspectorTest, WhatCannotBeHadOrReadIsUnavailableAndSaysWhy) {
  begin();
  shelf.by_link["B"] = {"B", {}, "the link was refused (HTTP 403)", ""};
  shelf.by_link["C"] = {"C", {}, "", "the examiner was killed by signal 9"};
  for (const std::string code : {"B", "C"}) {
    for (std::size_t tries = 1; tries <= Inspector::kTries; ++tries) {
      see("charge", code);
      if (tries == Inspector::kTries) {
        ASSERT_TRUE(soon([&] { return package(code).has_value(); }));
        break;
      }
      ASSERT_TRUE(soon([&] { return inspector->stats().tries == (code == "B" ? tries : Inspector::kTries + tries); }));
      clock.advance(Inspector::kTryAgain[tries - 1]);
      ASSERT_TRUE(soon([&] { return polled_again.lock()->size() == tries; }));
    }
    polled_again.lock()->clear();
    EXPECT_EQ(package(code).value().state, PackageState::unavailable);
  }
  EXPECT_EQ(package("B").value().why, "the link was refused (HTTP 403)");
  EXPECT_EQ(package("C").value().why, "the examiner was killed by signal 9");
  EXPECT_EQ(inspector->stats().unavailable, 2U);
}

TEST_F(InspectorTest, TwoAtATimeAndThoseThatSomebodyWaitsForFirst) {
  shelf.gated = true;
  for (const std::string code : {"A", "B", "C", "D", "E"}) stock(code, holding(code));
  inspector->start();
  for (const std::string code : {"A", "B"})
    inspector->want(ids.at("charge"), "prod", sha256(code), Secret(code), Urgency::none);
  ASSERT_TRUE(soon([&] { return shelf.at_once == 2; }));
  for (const std::string code : {"C", "D"})
    inspector->want(ids.at("charge"), "prod", sha256(code), Secret(code), Urgency::none);
  inspector->want(ids.at("charge"), "prod", sha256("E"), Secret("E"), Urgency::alert);
  inspector->want(ids.at("charge"), "prod", sha256("D"), Secret("D"), Urgency::alert);  // now somebody waits
  EXPECT_EQ(inspector->stats().queued, 3U);
  shelf.gate.release(100);
  ASSERT_TRUE(soon([&] { return inspector->stats().examined == 5; }));
  EXPECT_EQ(shelf.most_at_once, 2);
  const auto order = shelf.order;
  const auto at = [&](const char* code) { return std::find(order.begin(), order.end(), code) - order.begin(); };
  EXPECT_LT(at("E"), at("C"));
  EXPECT_LT(at("D"), at("C"));
}

TEST_F(InspectorTest, TheLinkOfAnotherFunctionIsTriedBeforeItCountsAsAFailure) {
  stock("A", holding("hello"));
  stock("B", holding("hello"));
  inspector->start();
  for (const char* function : {"charge", "refund"}) see(function, "A");
  ASSERT_TRUE(
      soon([&] { return state("charge").accepted_content && state("refund").accepted_content && shelf.at_once == 0; }));
  shelf.by_link["refused"] = {"B", {}, "the link was refused (HTTP 403)", ""};
  shelf.gated = true;
  see("charge", "B", "refused");
  ASSERT_TRUE(soon([&] { return shelf.at_once == 1; }));
  see("refund", "B");
  shelf.gate.release(100);
  ASSERT_TRUE(becomes("charge", Status::in_sync));
  ASSERT_TRUE(becomes("refund", Status::in_sync));
  EXPECT_EQ(state("charge").accepted_source, AcceptedSource::content);
}

TEST_F(InspectorTest, HoweverManyFunctionsRunItThreeTriesAreAll) {
  begin();
  see("refund", "A");
  shelf.by_link["B"] = {"B", {}, "the link was refused (HTTP 403)", ""};
  shelf.gated = true;
  see("charge", "B");
  for (int tries = 1; tries <= 3; ++tries) {
    ASSERT_TRUE(soon([&] { return shelf.fetches == 1 + tries; }));
    see("refund", "B");  // its link is there by the time that this try fails
    shelf.gate.release();
  }
  ASSERT_TRUE(becomes("refund", Status::drifted));
  EXPECT_EQ(shelf.fetches, 4);
  EXPECT_EQ(package("B").value().state, PackageState::unavailable);
}

TEST_F(InspectorTest, WhatWouldFailAgainIsTriedOnceAndLongerAndLongerLater) {
  begin();
  shelf.by_link["B"] = {"B", {}, "larger than max_package", "", true};
  see("charge", "B");
  ASSERT_TRUE(becomes("charge", Status::drifted));
  EXPECT_EQ(shelf.fetches, 2);
  for (int times = 0; times < 3; ++times) {
    const Millis pause = Inspector::kAgainAfter * (1 << times);
    clock.advance(pause - Millis{1});
    see("charge", "B");
    EXPECT_EQ(inspector->stats().queued, 0U);
    clock.advance(Millis{1});
    see("charge", "B");
    ASSERT_TRUE(soon([&] { return inspector->stats().unavailable == static_cast<uint64_t>(times) + 2; }));
  }
}

TEST_F(InspectorTest, AnotherDeploymentOfWhatCouldNotBeHadIsAskedForAgain) {
  begin();
  shelf.by_link["B"] = {"B", {}, "larger than max_package", "", true};
  see("charge", "B");
  ASSERT_TRUE(becomes("charge", Status::drifted));
  see("charge", "A");
  ASSERT_TRUE(becomes("charge", Status::in_sync));
  shelf.by_link["B"] = {"B", holding("hello"), "", ""};
  shelf.gated = true;
  see("charge", "B");
  EXPECT_EQ(bare_status(state("charge"), clock.wall()), Status::examining) << "what was once says nothing of now";
  shelf.gate.release(100);
  ASSERT_TRUE(becomes("charge", Status::in_sync));
}

TEST_F(InspectorTest, AStopWhileThePackageIsReadIsNoFailure) {
  begin();
  shelf.by_link["B"] = {"B", {}, "", "the examiner was stopped"};
  shelf.until_stopped = true;
  see("charge", "B");
  ASSERT_TRUE(soon([&] { return shelf.fetches == 2; }));
  inspector->stop();
  EXPECT_EQ(inspector->stats().tries, 0U);
  EXPECT_FALSE(package("B"));
  EXPECT_EQ(bare_status(state("charge"), clock.wall()), Status::examining);
}

TEST_F(InspectorTest, AnAccountThatLeftIsNotFetchedFrom) {
  stock("B", holding("b"));
  inspector->start();
  inspector->want(ids.at("charge"), "gone", sha256("A"), Secret("A"), Urgency::alert);
  inspector->want(ids.at("charge"), "prod", sha256("B"), Secret("B"), Urgency::alert);
  ASSERT_TRUE(soon([&] { return inspector->stats().examined == 1; }));
  EXPECT_EQ(shelf.order, std::vector<std::string>{"B"});
}

}  // namespace
}  // namespace codedriftd::test
