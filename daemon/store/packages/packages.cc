#include "store/packages/packages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "store/packages/manifest_ids.h"
#include "store/packages/uses.h"

namespace codedriftd {
namespace packages {
namespace {

[[noreturn]] void damaged_package(const Sha256& code, std::string_view what) {
  throw std::runtime_error(
      fmt::format("the stored row of package {} is damaged: {}; restore a backup", code.hex(), what));
}

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

// ---- findings ---------------------------------------------------------------------------------------------------

/// JSON is UTF-8, names in a package are bytes.
std::string findings_text(const std::vector<Finding>& findings) {
  if (findings.empty()) return "[]";
  Json list = Json::array();
  for (const Finding& finding : findings) {
    Json item = {{"kind", finding.kind}};
    if (valid_utf8(finding.name)) {
      item["name"] = finding.name;
    } else {
      item["name_base64"] = base64(finding.name);
    }
    list.push_back(std::move(item));
  }
  return json_line(list);
}

std::vector<Finding> findings_from(std::string_view text, const Sha256& code) {
  std::vector<Finding> findings;
  if (text == "[]") return findings;
  const Json list = parse_json(text);
  if (!list.is_array()) damaged_package(code, "its findings");
  try {
    for (const Json& item : list) {
      std::optional<std::string> name;
      if (item.contains("name")) {
        name = item.at("name").get<std::string>();
      } else {
        name = base64_decode(item.at("name_base64").get<std::string>());
      }
      if (!name) damaged_package(code, "the name of a finding");
      findings.push_back({item.at("kind").get<std::string>(), std::move(*name)});
    }
  } catch (const Json::exception& error) {
    damaged_package(code, error.what());
  }
  return findings;
}

// ---- files ------------------------------------------------------------------------------------------------------

int64_t key_of(const PackageFile& file) {
  Sha256Stream stream;
  stream.add(fmt::format("{} {} ", file.mode, file.size));
  stream.add(bytes_of(file.sha256));
  stream.add(file.name);
  const Sha256 digest = stream.digest();
  uint64_t key = 0;
  for (std::size_t i = 0; i < 8; ++i) key = key << 8 | digest.bytes[i];
  return static_cast<int64_t>(key);
}

int64_t id_of(Database& db, const PackageFile& file) {
  const int64_t key = key_of(file);
  const auto size = static_cast<int64_t>(file.size);
  {
    auto q = db.query("SELECT id FROM package_file WHERE key = ? AND name = ? AND mode = ? AND size = ? AND sha256 = ?",
                      key, Blob{file.name}, file.mode, size, file.sha256);
    if (q.step()) return q.integer(0);
  }
  auto q = db.query("INSERT INTO package_file (key, name, mode, size, sha256) VALUES (?, ?, ?, ?, ?) RETURNING id", key,
                    Blob{file.name}, file.mode, size, file.sha256);
  q.step();
  return q.integer(0);
}

/// The files of a row, as ids: `q` has its hash, the number of its files and its manifest at 0, 1, 2.
std::vector<IdRun> stored_runs(Query& q) {
  const auto code = q.optional_sha256(0);
  const int64_t files = q.integer(1);
  auto runs = decode_runs(q.text(2), files);
  int64_t total = 0;
  if (runs) {
    for (const IdRun& run : *runs) total += run.count;
  }
  if (!runs || total != files) damaged_package(code.value_or(Sha256{}), "its manifest");
  return std::move(*runs);
}

std::vector<IdRun> runs_before(Database& db, const Sha256& code) {
  auto q = db.query("SELECT sha256, files, manifest FROM package WHERE sha256 = ? AND manifest IS NOT NULL", code);
  return q.step() ? stored_runs(q) : std::vector<IdRun>{};
}

/// Removes those files of `runs` that are in no package any more. Counting in how many packages each file is would cost
/// a write for each file of every new package; this reads all manifests instead, a few bytes each, and is rare.
void drop_unused_files(Database& db, const std::vector<IdRun>& runs) {
  std::vector<int64_t> ids;
  for (const IdRun& run : runs) {
    for (int64_t i = 0; i < run.count; ++i) ids.push_back(run.first + i);
  }
  if (ids.empty()) return;
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<bool> used(ids.size());
  {
    auto q = db.query("SELECT sha256, files, manifest FROM package WHERE manifest IS NOT NULL");
    while (q.step()) {
      for (const IdRun& run : stored_runs(q)) {
        for (auto at = std::ranges::lower_bound(ids, run.first); at != ids.end() && *at < run.first + run.count; ++at)
          used[static_cast<std::size_t>(at - ids.begin())] = true;
      }
    }
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!used[i]) db.run("DELETE FROM package_file WHERE id = ?", ids[i]);
  }
}

// ---- rows -------------------------------------------------------------------------------------------------------

enum Column : int {
  kCode,
  kState,
  kWhy,
  kContent,
  kExaminedAt,
  kWantedAt,
  kPackageBytes,
  kUnpackedBytes,
  kFiles,
  kFindings,
  kKept,
  kColumns
};
/// In the order of Column.
constexpr std::string_view kSelectPackage =
    "SELECT sha256, state, why, content, examined_at_ms, wanted_at_ms, package_bytes, unpacked_bytes, files, findings, "
    "kept FROM package ";
static_assert(std::ranges::count(kSelectPackage, ',') == kColumns - 1);

PackageRow read_row(Query& q) {
  PackageRow row;
  const auto code = q.optional_sha256(kCode);
  row.code = code.value_or(Sha256{});
  const auto state = parse_package_state(q.text(kState));
  if (!code || !state || *state == PackageState::unknown) damaged_package(row.code, "its state");
  row.state = *state;
  row.why = q.string(kWhy);
  if (const auto content = q.optional_sha256(kContent)) row.content = ContentDigest{*content};
  if (row.content.has_value() != (row.state == PackageState::examined)) damaged_package(row.code, "its content");
  row.at = q.time(kExaminedAt);
  row.wanted_at = q.time(kWantedAt);
  for (const auto& [number, column] :
       {std::pair{&row.package_bytes, kPackageBytes}, {&row.unpacked_bytes, kUnpackedBytes}, {&row.files, kFiles}}) {
    if (q.integer(column) < 0) damaged_package(row.code, "a size below zero");
    *number = static_cast<uint64_t>(q.integer(column));
  }
  row.findings = findings_from(q.text(kFindings), row.code);
  row.kept = q.boolean(kKept);
  return row;
}

/// What is recorded of an examination.
struct Found {
  PackageState state = PackageState::examined;
  std::string why;
  std::optional<Sha256> content;
};
Found found_in(const Examination& examination) {
  if (!examination.ambiguous.empty()) return {PackageState::ambiguous, clean_utf8(examination.ambiguous), {}};
  try {
    return {PackageState::examined, {}, content_of(examination.files).sha256};
  } catch (const std::invalid_argument& error) {
    return {PackageState::ambiguous, error.what(), {}};
  }
}

}  // namespace

void save(Database& db, const Sha256& code, const Examination& examination, WallTime at) {
  const Found found = found_in(examination);
  const bool examined = found.state == PackageState::examined;
  std::vector<int64_t> ids;
  if (examined) {
    ids.reserve(examination.files.size());
    for (const PackageFile& file : examination.files) ids.push_back(id_of(db, file));
  }
  const std::string manifest = encode_runs(runs_of(ids));
  const std::vector<IdRun> before = runs_before(db, code);
  db.run(
      "INSERT INTO package (sha256, state, why, content, examined_at_ms, wanted_at_ms, package_bytes, unpacked_bytes, "
      "files, findings, manifest, kept) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, 0) "
      "ON CONFLICT (sha256) DO UPDATE SET state = excluded.state, why = excluded.why, content = excluded.content, "
      "examined_at_ms = excluded.examined_at_ms, wanted_at_ms = CASE WHEN package.wanted_at_ms > excluded.wanted_at_ms "
      "THEN package.wanted_at_ms ELSE excluded.wanted_at_ms END, "
      "package_bytes = excluded.package_bytes, unpacked_bytes = excluded.unpacked_bytes, files = excluded.files, "
      "findings = excluded.findings, manifest = excluded.manifest",
      code, to_string(found.state), found.why, found.content, at, static_cast<int64_t>(examination.package_bytes),
      static_cast<int64_t>(examination.unpacked_bytes), static_cast<int64_t>(ids.size()),
      findings_text(examination.findings), examined ? std::optional(Blob{manifest}) : std::nullopt);
  if (encode_runs(before) != manifest) drop_unused_files(db, before);
}

void save_unavailable(Database& db, const Sha256& code, std::string_view why, bool mismatch, WallTime at) {
  const std::string cleaned = clean_utf8(why);
  db.run(
      "INSERT INTO package (sha256, state, why, examined_at_ms, wanted_at_ms, package_bytes, unpacked_bytes, files, "
      "findings, kept) VALUES (?1, ?2, ?3, ?4, ?4, 0, 0, 0, '[]', 0) "
      "ON CONFLICT (sha256) DO UPDATE SET state = excluded.state, why = excluded.why, "
      "examined_at_ms = excluded.examined_at_ms, wanted_at_ms = CASE WHEN package.wanted_at_ms > excluded.wanted_at_ms "
      "THEN package.wanted_at_ms ELSE excluded.wanted_at_ms END "
      "WHERE package.state IN ('unavailable', 'mismatch')",
      code, to_string(mismatch ? PackageState::mismatch : PackageState::unavailable),
      cleaned.empty() ? "nobody said why" : cleaned, at);
}

void wanted(Database& db, const Sha256& code, WallTime at) {
  db.run("UPDATE package SET wanted_at_ms = ?1 WHERE sha256 = ?2 AND wanted_at_ms < ?1", at, code);
}

std::optional<PackageRow> find(Database& db, const Sha256& code) {
  static const Sql kSql = Sql::forever(std::string(kSelectPackage) + "WHERE sha256 = ?");
  auto q = db.query(kSql, code);
  if (!q.step()) return std::nullopt;
  return read_row(q);
}

Manifest manifest(Database& db, const Sha256& code) {
  std::vector<IdRun> runs;
  {
    auto q = db.query("SELECT sha256, files, manifest FROM package WHERE sha256 = ? AND manifest IS NOT NULL", code);
    if (!q.step()) throw std::out_of_range(fmt::format("no package {} was examined", code.hex()));
    runs = stored_runs(q);
  }
  Manifest files;
  for (const IdRun& run : runs) {
    auto q = db.query("SELECT id, name, mode, size, sha256 FROM package_file WHERE id BETWEEN ? AND ? ORDER BY id",
                      run.first, run.first + run.count - 1);
    int64_t expected = run.first;
    for (; q.step(); ++expected) {
      const auto digest = q.optional_sha256(4);
      if (q.integer(0) != expected || !digest || q.integer(2) < 0 || q.integer(2) > 07777 || q.integer(3) < 0)
        damaged_package(code, fmt::format("its file {}", expected));
      files.push_back({q.string(1), static_cast<uint32_t>(q.integer(2)), static_cast<uint64_t>(q.integer(3)), *digest});
    }
    if (expected != run.first + run.count) damaged_package(code, fmt::format("its file {} is not there", expected));
  }
  if (!std::ranges::is_sorted(files, std::ranges::less_equal{}, &PackageFile::name))
    damaged_package(code, "its files are out of order");
  return files;
}

void set_kept(Database& db, const Sha256& code) {
  if (db.run("UPDATE package SET kept = 1 WHERE sha256 = ? AND state IN ('examined', 'ambiguous')", code) == 0)
    throw std::out_of_range(fmt::format("no package {} was read", code.hex()));
}

void drop_contents(Database& db, const Sha256& code) { db.run("UPDATE package SET kept = 0 WHERE sha256 = ?", code); }

int64_t drop(Database& db, const std::vector<Sha256>& codes) {
  int64_t dropped = 0;
  std::vector<IdRun> runs;
  for (const Sha256& code : codes) {
    for (const IdRun& run : runs_before(db, code)) runs.push_back(run);
    dropped += db.run("DELETE FROM package WHERE sha256 = ?", code);
  }
  drop_unused_files(db, runs);
  return dropped;
}

void each(Database& db, const std::function<void(PackageRow&&)>& take) {
  static const Sql kSql = Sql::forever(std::string(kSelectPackage) + "ORDER BY sha256");
  std::map<Sha256, PackageUses> uses = uses_of_watched(db);
  auto q = db.query(kSql);
  while (q.step()) {
    PackageRow row = read_row(q);
    if (const auto found = uses.find(row.code); found != uses.end()) row.uses = std::move(found->second);
    take(std::move(row));
  }
}

}  // namespace packages
}  // namespace codedriftd
