#include "store/record/targets.h"

#include <gtest/gtest.h>

#include "store/store_support.h"

namespace codedriftd::test {
namespace {

/// No field has its default, and no two of one type have the same value.
TargetState every_field_set() {
  TargetState s;
  // A new field does not compile here until it is set below.
  auto& [watched, baseline, pin, content_pin, pin_where, interval, stale_after, deploy_grace, examine_within, ignore,
         same_content_accepted, touched_alerts, live, live_since, accepted, accepted_source, accepted_at, announced,
         drift_open, drift_since, package, live_content, accepted_content, examining_until, examining_previous,
         not_found_in_a_row, missing, missing_code, failing, failing_reason, failing_quiet, last_polled_at,
         last_success_at, consecutive_failures, last_error, last_reason, function_id, added_at, modified_at, touched,
         status_since] = s;
  watched = true;
  baseline = Baseline::review;
  pin = hash_of("pin");
  content_pin = ContentDigest{hash_of("content pin")};
  pin_where = "conf.d/pay.toml:7";
  interval = Millis{1'001};
  stale_after = Millis{2'002};
  deploy_grace = Millis{3'003};
  examine_within = Millis{4'004};
  ignore = {"node_modules/**", "a \"quoted\" name"};
  same_content_accepted = false;
  live = hash_of("live");
  live_since = kStart + Millis{1};
  accepted = hash_of("accepted");
  accepted_source = AcceptedSource::deploy;
  accepted_at = kStart + Millis{2};
  announced = {{hash_of("first"), true, kStart + Millis{3}, kStart + Millis{4}, true, "", ""},
               {hash_of("second"), false, kStart + Millis{5}, kStart + Millis{6}, false, "https://ci.example.com/\"1\"",
                "c0ffee\n\xE2\x80\xAE"},
               {std::nullopt, false, kStart + Millis{5}, kStart + Millis{6}, false, "", "", "config", "",
                ContentDigest{hash_of("third")}}};
  drift_open = true;
  drift_since = kStart + Millis{7};
  package = PackageState::ambiguous;
  live_content = KnownContent{{hash_of("live content")}, hash_of("live exact")};
  accepted_content = KnownContent{{hash_of("accepted content")}, hash_of("accepted exact")};
  examining_until = kStart + Millis{14};
  examining_previous = hash_of("before");
  not_found_in_a_row = 8;
  missing = true;
  missing_code = "ResourceNotFound.Function";
  failing = true;
  failing_reason = "denied";
  failing_quiet = true;
  last_polled_at = kStart + Millis{9};
  last_success_at = kStart + Millis{10};
  consecutive_failures = 11;
  last_error = PollError{"AuthFailure", "it's no; DROP TABLE target", "request-12"};
  last_reason = "updating";
  status_since = kStart + Millis{13};
  touched_alerts = true;
  function_id = "lam-1; DROP TABLE target";
  added_at = kStart + Millis{15};
  modified_at = kStart + Millis{16};
  touched = true;
  return s;
}

/// What comes back of `state`, by each way to read it.
void expect_back(Database& db, TargetId id, const TargetState& state) {
  const TargetRow row = targets::load(db, id);
  EXPECT_EQ(row.id, id);
  EXPECT_EQ(row.target, function_named("charge"));
  EXPECT_TRUE(row.state == state);
  const auto found = targets::find(db, function_named("charge").address());
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->state == state);
  const std::vector<TargetRow> all = targets::all(db, true);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].state == state);
}

TEST(Targets, KeepEveryFieldOfAState) {
  Store store;
  const TargetId id = targets::insert(store.db, function_named("charge"));
  const TargetState fresh{};
  expect_back(store.db, id, fresh);
  const TargetState full = every_field_set();
  targets::save(store.db, id, fresh, full);
  Database reader = store.record.open_reader();  // out of the file, not out of this connection
  expect_back(reader, id, full);
  targets::save(store.db, id, full, fresh);
  expect_back(store.db, id, fresh);
}

/// Each field alone is a difference that is written: none is lost in the short way for unchanged polls, and no flag is
/// taken for another.
TEST(Targets, KeepAChangeOfOneFieldAlone) {
  const TargetState full = every_field_set();
  const std::vector<std::pair<const char*, void (*)(TargetState&, const TargetState&)>> fields = {
#define FIELD(name)                                                               \
  {                                                                               \
#name, [](TargetState & to, const TargetState& from) { to.name = from.name; } \
  }
      FIELD(watched),
      FIELD(baseline),
      FIELD(pin),
      FIELD(content_pin),
      FIELD(pin_where),
      FIELD(interval),
      FIELD(stale_after),
      FIELD(deploy_grace),
      FIELD(examine_within),
      FIELD(ignore),
      FIELD(same_content_accepted),
      FIELD(live),
      FIELD(live_since),
      FIELD(accepted),
      FIELD(accepted_source),
      FIELD(accepted_at),
      FIELD(announced),
      FIELD(drift_open),
      FIELD(drift_since),
      FIELD(package),
      FIELD(live_content),
      FIELD(accepted_content),
      FIELD(examining_until),
      FIELD(examining_previous),
      FIELD(missing),
      FIELD(missing_code),
      FIELD(not_found_in_a_row),
      FIELD(failing),
      FIELD(failing_reason),
      FIELD(failing_quiet),
      FIELD(last_polled_at),
      FIELD(last_success_at),
      FIELD(consecutive_failures),
      FIELD(last_error),
      FIELD(last_reason),
      FIELD(status_since),
      FIELD(touched_alerts),
      FIELD(function_id),
      FIELD(added_at),
      FIELD(modified_at),
      FIELD(touched),
#undef FIELD
  };
  for (const auto& [name, set] : fields) {
    SCOPED_TRACE(name);
    Store store;
    const TargetId id = targets::insert(store.db, function_named("charge"));
    TargetState changed;
    set(changed, full);
    EXPECT_FALSE(changed == TargetState{}) << "a value like the default shows nothing";
    targets::save(store.db, id, {}, changed);
    expect_back(store.db, id, changed);
  }
}

TEST(Targets, KeepTheirRunsBesideTheState) {
  Store store;
  Ledger ledger = ledger_with_routes();
  const TargetId id = add_target(store.db, ledger, "charge");
  {
    Tx tx(store.db);
    ledger.apply(tx, id, saw("reviewed"), kStart);
    ledger.apply(tx, id, failed(), kStart + kMinute);
  }
  const TargetRow row = targets::load(store.db, id);
  ASSERT_TRUE(row.answer_run && row.failure_run);
  EXPECT_NE(row.answer_run, row.failure_run);
  targets::save_runs(store.db, id, row.failure_run, std::nullopt);
  const TargetRow after = targets::load(store.db, id);
  EXPECT_EQ(after.answer_run, row.failure_run);
  EXPECT_EQ(after.failure_run, std::nullopt);
  EXPECT_TRUE(after.state == row.state);
}

TEST(Targets, OfNoRowAreNothing) {
  Store store;
  EXPECT_THROW(targets::load(store.db, 7), std::out_of_range);
  EXPECT_FALSE(targets::find(store.db, function_named("charge").address()));
}

}  // namespace
}  // namespace codedriftd::test
