#include "store/packages/packages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "store/store_support.h"

namespace codedriftd::test {
namespace {

PackageFile packed(std::string name, std::string_view content, uint32_t mode = 0644) {
  return {std::move(name), mode, content.size(), sha256(content)};
}

Examination examined(Manifest files, uint64_t package_bytes = 1'000) {
  Examination examination;
  std::ranges::sort(files, {}, &PackageFile::name);
  for (const PackageFile& file : files) examination.unpacked_bytes += file.size;
  examination.files = std::move(files);
  examination.package_bytes = package_bytes;
  return examination;
}

Examination some_package(std::string_view version = "1") {
  return examined({packed("index.py", version), packed("lib/a.py", "a"), packed("scf_bootstrap", "#!", 0755)});
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

int64_t stored_files(Database& db) { return number(db, "SELECT count(*) FROM package_file"); }

TEST(Packages, AreFoundAsTheyWereExamined) {
  Store store;
  const Sha256 code = hash_of("zip");
  EXPECT_EQ(packages::find(store.db, code), std::nullopt);
  Examination examination = some_package();
  examination.findings = {{"traversal", "../evil"}, {"case", std::string("\xFF\x00\n\"", 4)}, {"empty", ""}};
  packages::save(store.db, code, examination, kStart);
  const auto row = packages::find(store.db, code);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->code, code);
  EXPECT_EQ(row->state, PackageState::examined);
  EXPECT_EQ(row->why, "");
  EXPECT_EQ(row->content, content_of(examination.files));
  EXPECT_EQ(row->package_bytes, 1'000U);
  EXPECT_EQ(row->unpacked_bytes, 4U);
  EXPECT_EQ(row->files, 3U);
  EXPECT_EQ(row->findings, examination.findings) << "names are bytes";
  EXPECT_EQ(row->at, kStart);
  EXPECT_EQ(row->wanted_at, kStart);
  EXPECT_FALSE(row->kept);
  EXPECT_EQ(packages::manifest(store.db, code), examination.files);
}

TEST(Packages, HoldNamesThatAreNoText) {
  Store store;
  const Examination strange = examined({packed(std::string("a\0b", 3), "1"), packed("\xC4\xE3.py", "2"),
                                        packed("a", "3"), packed(std::string(60'000, 'x'), "4"), packed("ä", "5", 0)});
  packages::save(store.db, hash_of("zip"), strange, kStart);
  EXPECT_EQ(packages::manifest(store.db, hash_of("zip")), strange.files);
}

TEST(Packages, OfOneFileTellModesSizesNamesAndContentsApart) {
  Store store;
  const Manifest files{packed("a", "1"), packed("a", "1", 0755), packed("a", "2"), packed("b", "1"), packed("a", "22")};
  for (std::size_t i = 0; i < files.size(); ++i)
    packages::save(store.db, hash_of(std::to_string(i)), examined({files[i]}), kStart);
  EXPECT_EQ(stored_files(store.db), 5);
  for (std::size_t i = 0; i < files.size(); ++i)
    EXPECT_EQ(packages::manifest(store.db, hash_of(std::to_string(i))), Manifest{files[i]});
}

TEST(Packages, ThatShareFilesStoreThemOnce) {
  Store store;
  packages::save(store.db, hash_of("1"), some_package("1"), kStart);
  packages::save(store.db, hash_of("2"), some_package("2"), kStart);
  packages::save(store.db, hash_of("packed anew"), some_package("2"), kStart);
  EXPECT_EQ(stored_files(store.db), 4) << "two versions of index.py";
  EXPECT_EQ(packages::manifest(store.db, hash_of("1")), some_package("1").files);
  EXPECT_EQ(packages::manifest(store.db, hash_of("2")), some_package("2").files);
  EXPECT_EQ(packages::find(store.db, hash_of("2"))->content, packages::find(store.db, hash_of("packed anew"))->content);
}

TEST(Packages, OfTheSameKeyAreComparedWhole) {
  Store store;
  packages::save(store.db, hash_of("1"), examined({packed("a", "1")}), kStart);
  packages::save(store.db, hash_of("2"), examined({packed("b", "2")}), kStart);
  // As if both had the same 64 bits.
  store.db.run("UPDATE package_file SET key = (SELECT key FROM package_file WHERE name = ?)", Blob{"b"});
  packages::save(store.db, hash_of("3"), examined({packed("b", "2")}), kStart);
  EXPECT_EQ(stored_files(store.db), 2);
  EXPECT_EQ(packages::manifest(store.db, hash_of("3")), Manifest{packed("b", "2")});
}

TEST(Packages, MayBeEmpty) {
  Store store;
  packages::save(store.db, hash_of("empty"), examined({}), kStart);
  EXPECT_EQ(packages::find(store.db, hash_of("empty"))->content, content_of({}));
  EXPECT_TRUE(packages::manifest(store.db, hash_of("empty")).empty());
}

TEST(Packages, ThatAreAmbiguousHaveAReasonAndNoManifest) {
  Store store;
  Examination two_ways;
  two_ways.ambiguous = "two end records";
  two_ways.findings = {{"traversal", "../x"}};
  two_ways.package_bytes = 77;
  packages::save(store.db, hash_of("zip"), two_ways, kStart);
  const auto row = packages::find(store.db, hash_of("zip"));
  EXPECT_EQ(row->state, PackageState::ambiguous);
  EXPECT_EQ(row->why, "two end records");
  EXPECT_EQ(row->content, std::nullopt);
  EXPECT_EQ(row->package_bytes, 77U);
  EXPECT_EQ(row->findings, two_ways.findings);
  EXPECT_THROW(packages::manifest(store.db, hash_of("zip")), std::out_of_range);
}

TEST(Packages, WithALineBreakInANameAreAmbiguous) {
  Store store;
  packages::save(store.db, hash_of("zip"), examined({packed("a\nb", "1")}), kStart);
  const auto row = packages::find(store.db, hash_of("zip"));
  EXPECT_EQ(row->state, PackageState::ambiguous);
  EXPECT_NE(row->why.find("line break"), std::string::npos) << row->why;
  EXPECT_EQ(row->files, 0U);
  EXPECT_EQ(stored_files(store.db), 0);
}

TEST(Packages, ThatCouldNotBeHadSayWhyInHarmlessWords) {
  Store store;
  packages::save_unavailable(store.db, hash_of("gone"), "HTTP 403 \xFF", false, kStart);
  packages::save_unavailable(store.db, hash_of("other"), "", true, kStart);
  const auto gone = packages::find(store.db, hash_of("gone"));
  EXPECT_EQ(gone->state, PackageState::unavailable);
  EXPECT_EQ(gone->why, "HTTP 403 \uFFFD");
  EXPECT_EQ(gone->content, std::nullopt);
  EXPECT_EQ(packages::find(store.db, hash_of("other"))->state, PackageState::mismatch);
  EXPECT_NE(packages::find(store.db, hash_of("other"))->why, "");
}

TEST(Packages, WhatIsKnownIsNeverReplacedByWhatIsNot) {
  // What is recorded first, what then, and what stays.
  const auto record = [](Database& db, std::string_view what, WallTime at) {
    Examination ambiguous;
    ambiguous.ambiguous = "two ways";
    if (what == "examined") packages::save(db, hash_of("zip"), some_package(), at);
    if (what == "ambiguous") packages::save(db, hash_of("zip"), ambiguous, at);
    if (what == "unavailable") packages::save_unavailable(db, hash_of("zip"), "gone", false, at);
    if (what == "mismatch") packages::save_unavailable(db, hash_of("zip"), "others", true, at);
  };
  constexpr std::string_view kStates[] = {"examined", "ambiguous", "unavailable", "mismatch"};
  Store store;
  for (const std::string_view first : kStates) {
    for (const std::string_view then : kStates) {
      store.db.begin_write();
      record(store.db, first, kStart);
      record(store.db, then, kStart + kMinute);
      const bool known = first == "examined" || first == "ambiguous";
      const bool stays = known && (then == "unavailable" || then == "mismatch");
      const auto row = packages::find(store.db, hash_of("zip"));
      EXPECT_EQ(to_string(row->state), stays ? first : then) << first << " " << then;
      EXPECT_EQ(row->at, stays ? kStart : kStart + kMinute) << first << " " << then;
      store.db.rollback();
    }
  }
}

TEST(Packages, ExaminedAnewForgetWhatWasNotThere) {
  Store store;
  packages::save(store.db, hash_of("zip"), some_package("1"), kStart);
  packages::set_kept(store.db, hash_of("zip"));
  packages::save(store.db, hash_of("zip"), some_package("2"), kStart + kMinute);
  EXPECT_EQ(packages::manifest(store.db, hash_of("zip")), some_package("2").files);
  EXPECT_EQ(stored_files(store.db), 3) << "the other index.py is nobody's";
  EXPECT_TRUE(packages::find(store.db, hash_of("zip"))->kept) << "the same bytes";
  packages::save(store.db, hash_of("zip"), some_package("2"), kStart);
  EXPECT_EQ(packages::find(store.db, hash_of("zip"))->wanted_at, kStart + kMinute) << "never backwards";
}

TEST(Packages, ThatAreDroppedTakeTheFilesAlongThatNobodyElseHas) {
  Store store;
  packages::save(store.db, hash_of("1"), some_package("1"), kStart);
  packages::save(store.db, hash_of("2"), some_package("2"), kStart);
  packages::save(store.db, hash_of("3"), examined({packed("other", "x")}), kStart);
  EXPECT_EQ(packages::drop(store.db, hash_of("1")), 1);
  EXPECT_EQ(packages::find(store.db, hash_of("1")), std::nullopt);
  EXPECT_EQ(packages::manifest(store.db, hash_of("2")), some_package("2").files);
  EXPECT_EQ(stored_files(store.db), 4);
  EXPECT_EQ(packages::drop(store.db, {hash_of("2"), hash_of("3"), hash_of("never seen")}), 2);
  EXPECT_EQ(stored_files(store.db), 0);
  EXPECT_EQ(packages::drop(store.db, hash_of("1")), 0);
  packages::save(store.db, hash_of("4"), some_package("1"), kStart);
  EXPECT_EQ(packages::manifest(store.db, hash_of("4")), some_package("1").files) << "and can come again";
}

TEST(Packages, AreKeptOnlyWhereSomebodyReadThem) {
  Store store;
  packages::save(store.db, hash_of("zip"), some_package(), kStart);
  packages::save_unavailable(store.db, hash_of("gone"), "HTTP 403", false, kStart);
  packages::set_kept(store.db, hash_of("zip"));
  EXPECT_THROW(packages::set_kept(store.db, hash_of("gone")), std::out_of_range);
  EXPECT_THROW(packages::set_kept(store.db, hash_of("never seen")), std::out_of_range);
  EXPECT_EQ(packages::kept(store.db), std::vector{hash_of("zip")});
  EXPECT_EQ(packages::kept_bytes(store.db), 1'000U);
  packages::drop_contents(store.db, hash_of("zip"));
  EXPECT_EQ(packages::kept_bytes(store.db), 0U);
  EXPECT_FALSE(packages::find(store.db, hash_of("zip"))->kept);
  EXPECT_EQ(packages::manifest(store.db, hash_of("zip")).size(), 3U) << "the manifest stays";
}

TEST(Packages, AreListedWithWhoseTheyAre) {
  Store store;
  Ledger ledger = ledger_with_routes();
  const TargetId one = add_target(store.db, ledger, "one");
  const TargetId two = add_target(store.db, ledger, "two");
  const TargetId gone = add_target(store.db, ledger, "gone");
  {
    Tx tx(store.db);
    for (const TargetId id : {one, two, gone}) ledger.apply(tx, id, saw("A"), kStart + kMinute);
    ledger.apply(tx, two, saw("B"), kStart + 2 * kMinute);
    ledger.apply(tx, one, Expected{hash_of("C"), kStart + kHour, "", "", "uid:0"}, kStart + 2 * kMinute);
    ledger.apply(tx, gone, Unwatched{}, kStart + 2 * kMinute);
    Watched pinned = watched();
    pinned.pin = hash_of("C");
    ledger.apply(tx, two, pinned, kStart + 3 * kMinute);
  }
  for (const char* code : {"A", "B", "C", "D"}) packages::save(store.db, hash_of(code), some_package(code), kStart);
  std::map<Sha256, PackageUses> uses;
  std::vector<Sha256> order;
  packages::each(store.db, [&](PackageRow&& row) {
    order.push_back(row.code);
    uses[row.code] = row.uses;
    EXPECT_EQ(packages::find(store.db, row.code)->content, row.content) << "reading meanwhile is allowed";
  });
  const auto address = [](const char* name) { return function_named(name).address(); };
  ASSERT_EQ(order.size(), 4U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  EXPECT_EQ(uses[hash_of("A")], (PackageUses{{address("one")}, {address("one"), address("two")}, {}}));
  EXPECT_EQ(uses[hash_of("B")], (PackageUses{{address("two")}, {}, {}}));
  EXPECT_EQ(uses[hash_of("C")], (PackageUses{{}, {}, {address("one"), address("two")}}));
  EXPECT_EQ(uses[hash_of("D")], PackageUses{});
}

TEST(Packages, WhoseRowsAreDamagedAreAnErrorThatNamesTheRow) {
  const std::string code = hash_of("zip").hex();
  struct Damage {
    std::string sql, says;
    bool of_manifest = false;
    std::string_view bytes = {};  ///< for the statement's ?
  };
  const Damage damages[] = {
      {"UPDATE package SET state = 'x'", "its state"},
      {"UPDATE package SET content = NULL", "its content"},
      {"UPDATE package SET files = -1", "a size below zero"},
      {"UPDATE package SET findings = '{'", "its findings"},
      {"UPDATE package SET findings = '[1]'", "is damaged"},
      {"UPDATE package SET findings = '[{\"kind\":\"x\",\"name_base64\":\"?\"}]'", "the name of a finding"},
      {"UPDATE package SET manifest = ?", "its manifest", true, "\2"},
      {"UPDATE package SET files = 4", "its manifest", true},
      {"UPDATE package SET files = 2", "its manifest", true},
      {"DELETE FROM package_file WHERE name = ?", "its file 2", true, "lib/a.py"},
      {"DELETE FROM package_file WHERE name = ?", "its file 3 is not there", true, "scf_bootstrap"},
      {"UPDATE package_file SET mode = 9999", "its file 1", true},
      {"UPDATE package_file SET size = -1", "its file 1", true},
      {"UPDATE package_file SET name = ?", "out of order", true, "x"},
  };
  Store store;
  packages::save(store.db, hash_of("zip"), some_package(), kStart);
  allow_damage(store.db);
  for (const Damage& damage : damages) {
    store.db.begin_write();
    if (damage.bytes.empty()) {
      store.db.execute(damage.sql);
    } else {
      store.db.query_once(damage.sql, Blob{damage.bytes}).step();
    }
    const std::string said = message_of([&] {
      if (damage.of_manifest) {
        (void)packages::manifest(store.db, hash_of("zip"));
      } else {
        (void)packages::find(store.db, hash_of("zip"));
      }
    });
    EXPECT_NE(said.find(code), std::string::npos) << damage.sql << ": " << said;
    EXPECT_NE(said.find(damage.says), std::string::npos) << damage.sql << ": " << said;
    store.db.rollback();
  }
}

TEST(Packages, TheSchemaRefusesRowsThatCannotBe) {
  Store store;
  packages::save(store.db, hash_of("zip"), some_package(), kStart);
  packages::save_unavailable(store.db, hash_of("gone"), "HTTP 403", false, kStart);
  for (const char* sql :
       {"UPDATE package SET kept = 1 WHERE state = 'unavailable'", "UPDATE package SET content = NULL",
        "UPDATE package SET manifest = NULL", "UPDATE package SET why = 'x' WHERE state = 'examined'",
        "UPDATE package SET state = 'examined'", "UPDATE package SET package_bytes = -1",
        "UPDATE package_file SET mode = 4096"})
    EXPECT_THROW(store.db.execute(sql), StoreError) << sql;
  EXPECT_THROW(store.db.run("UPDATE package_file SET sha256 = ?", Blob{"0"}), StoreError);
  EXPECT_THROW(store.db.run("UPDATE package_file SET name = ?", Blob{""}), StoreError);
}

}  // namespace
}  // namespace codedriftd::test
