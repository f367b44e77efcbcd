#include "store/ledger/storage.h"

#include <gtest/gtest.h>

#include "store/store_support.h"

namespace codedriftd::test {
namespace {

StorageLook storage_look(int64_t free_bytes, int64_t wal_bytes = 0) {
  return {"/state", "/state/codedriftd.db", free_bytes, 1'000'000, wal_bytes};
}

/// The kinds of all events about storage.
std::string storage_events(Database& db) {
  return joined(db, "SELECT kind FROM event WHERE kind LIKE 'storage.%' ORDER BY seq");
}

TEST(StorageOnRecord, WhatWasToldIsKeptSoThatARestartTellsNothingTwiceAndTheEndAllTheSame) {
  Store store;
  {
    Ledger ledger = ledger_with_routes();
    Tx tx(store.db);
    storage::note(tx, ledger, storage_look(2'000'000), kStart);
    EXPECT_EQ(storage_events(store.db), "");
    for (int i = 0; i < 3; ++i) storage::note(tx, ledger, storage_look(900'000), kStart);
    EXPECT_EQ(storage_events(store.db), "storage.low");
  }
  Database after_restart = store.record.open_writer();
  Ledger ledger = ledger_with_routes();
  Tx tx(after_restart);
  storage::note(tx, ledger, storage_look(900'000), kStart + kMinute);
  EXPECT_EQ(storage_events(after_restart), "storage.low");
  storage::note(tx, ledger, storage_look(900'000, kMostWalBytes + 1), kStart + kMinute);
  storage::note(tx, ledger, storage_look(1'250'000, kMostWalBytes + 1), kStart + kMinute);
  storage::note(tx, ledger, storage_look(1'250'000), kStart + kMinute);
  EXPECT_EQ(storage_events(after_restart), "storage.low storage.blocked storage.recovered storage.unblocked");
  storage::note(tx, ledger, storage_look(0), kStart + kMinute);
  EXPECT_EQ(storage_events(after_restart),
            "storage.low storage.blocked storage.recovered storage.unblocked storage.low");
  EXPECT_EQ(number(after_restart, "SELECT count(*) FROM outbox WHERE destination = 'chat'"), 5);
  EXPECT_EQ(broken_invariant(after_restart), "");
}

TEST(StorageOnRecord, AnAlertNamesWhatToTypeNext) {
  struct Case {
    const char* folder;
    const char* low;
    const char* blocked;
  };
  const Case cases[] = {{"/state", "df -h '/state'", "sudo fuser -v '/state/codedriftd.db'"}, {"/it's", "", ""}};
  for (const Case& c : cases) {
    Store store;
    Ledger ledger = ledger_with_routes();
    Tx tx(store.db);
    StorageLook look = storage_look(0, 2 * kMostWalBytes);
    look.folder = c.folder;
    look.database = look.folder + "/codedriftd.db";
    storage::note(tx, ledger, look, kStart);
    const auto next_step = [&](const char* kind) {
      const Json alert = Json::parse(
          text(store.db, fmt::format("SELECT body FROM outbox WHERE destination = 'ops' AND kind = '{}'", kind)));
      return text_at(alert, "next_step");
    };
    EXPECT_EQ(next_step("storage.low"), c.low);
    EXPECT_EQ(next_step("storage.blocked"), c.blocked);
  }
}

}  // namespace
}  // namespace codedriftd::test
