// What is inside the packages of a year, on record: how large it is, and how fast it is written and read.
//
//   bench_packages [--functions 1000] [--deployments 4] [--files 300] [--large 20000]
//
// Three ways in which packages may be alike, each in a database of its own. Beside each the manifests as JSON, a row
// for each package: written out and counted, not stored.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/json.h"
#include "bench/bench.h"
#include "bench/rig.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/packages/packages.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

const SystemClock kPackagesClock;

double ms_since(MonoTime before) {
  return std::chrono::duration<double, std::milli>(kPackagesClock.mono() - before).count();
}
std::string in_ms(double value) { return fmt::format("{:.2f} ms", value); }
std::string in_mb(double bytes) { return fmt::format("{:.1f} MB", bytes / 1e6); }

/// What of a package is its own: how many of its files each deployment changes, and how many of the functions have the
/// other files in common.
struct Alike {
  const char* words;
  double changed;
  unsigned functions_alike;
  double goal_mb;  ///< 0: none
};

struct Plan {
  unsigned functions, deployments, files;
};

/// The package of one deployment. One file in ten is the function's own, the others are dependencies.
Examination package_of(const Plan& plan, const Alike& alike, unsigned function, unsigned deployment) {
  Examination found;
  const auto changing = static_cast<unsigned>(alike.changed * plan.files);
  for (unsigned i = 0; i < plan.files; ++i) {
    const bool own = i < plan.files / 10;
    PackageFile file;
    file.name = own ? fmt::format("src/handlers/part_{:05}.py", i)
                    : fmt::format("node_modules/library-{:03}/dist/lib/module_{:05}.js", i / 20, i);
    file.mode = 0644;
    file.size = 500 + i * 37 % 20'000;
    const unsigned whose = own ? function : plan.functions + function / alike.functions_alike;
    file.sha256 = sha256(fmt::format("{} {} {}", whose, i, i < changing ? deployment : 0));
    found.unpacked_bytes += file.size;
    found.files.push_back(std::move(file));
  }
  std::ranges::sort(found.files, {}, &PackageFile::name);
  found.package_bytes = found.unpacked_bytes / 4;
  return found;
}

std::size_t json_bytes(const Manifest& manifest) {
  Json list = Json::array();
  for (const PackageFile& file : manifest) list.push_back({file.name, file.mode, file.size, file.sha256.hex()});
  return json_line(list).size();
}

Database new_database(const std::string& path) {
  Database db = sqlite::open_writer(path);
  if (const auto made = migrate(db, embedded_migrations(), kPackagesClock.wall()); !made)
    throw std::runtime_error(made.error().message);
  return db;
}

void measure(const Plan& plan, const Alike& alike, const std::string& path) {
  Database db = new_database(path);
  db.checkpoint(true);
  const auto empty = static_cast<double>(std::filesystem::file_size(path));
  std::vector<double> saves, reads;
  double as_json = 0;
  for (unsigned deployment = 0; deployment < plan.deployments; ++deployment) {
    for (unsigned function = 0; function < plan.functions; ++function) {
      const Examination found = package_of(plan, alike, function, deployment);
      if (function == 0) as_json += plan.functions * static_cast<double>(json_bytes(found.files));
      const Sha256 code = sha256(fmt::format("{} {}", function, deployment));
      const MonoTime before = kPackagesClock.mono();
      db.execute("BEGIN IMMEDIATE");
      packages::save(db, code, found, kPackagesClock.wall());
      packages::set_kept(db, code);
      db.execute("COMMIT");
      saves.push_back(ms_since(before));
      if (function % 100 == 0 && packages::manifest(db, code) != found.files)
        throw std::runtime_error("a manifest is not what it was");
    }
  }
  db.checkpoint(true);
  const double bytes = static_cast<double>(std::filesystem::file_size(path)) - empty;
  for (unsigned function = 0; function < plan.functions; function += 1 + plan.functions / 200) {
    const Sha256 code = sha256(fmt::format("{} {}", function, plan.deployments - 1));
    const MonoTime before = kPackagesClock.mono();
    (void)packages::manifest(db, code);
    reads.push_back(ms_since(before));
  }
  auto sums = db.query_once(
      "SELECT count(*), coalesce(sum(length(manifest)), 0), (SELECT count(*) FROM package_file) FROM package");
  sums.step();
  const int64_t rows = sums.integer(0), manifests = sums.integer(1), files = sums.integer(2);

  MonoTime before = kPackagesClock.mono();
  int64_t listed = 0;
  packages::each(db, [&](PackageRow&&) { ++listed; });
  const double each = ms_since(before);
  before = kPackagesClock.mono();
  const std::size_t go = packages::prune_candidates(db, packages::kept_bytes(db) / 2).size();
  const double prune = ms_since(before);
  before = kPackagesClock.mono();
  db.execute("BEGIN IMMEDIATE");
  const int64_t dropped = packages::drop(db, sha256("0 0"));
  db.execute("COMMIT");
  const double drop = ms_since(before);
  if (listed != rows || go == 0 || dropped != 1) throw std::runtime_error("rows are missing");

  Table table(fmt::format("{}: {} functions, {} packages each of {} files", alike.words, plan.functions,
                          plan.deployments, plan.files));
  const std::string size = in_mb(bytes);
  table.row("size of what is inside", alike.goal_mb > 0 ? judged(bytes <= alike.goal_mb * 1e6, size) : size,
            alike.goal_mb > 0 ? fmt::format("{:.0f} MB", alike.goal_mb) : "",
            fmt::format("{} as JSON for each package (calculated from those of one function)", in_mb(as_json)));
  table.row("of that: manifests, different files",
            fmt::format("{} bytes each, {}", manifests / std::max<int64_t>(rows, 1), files));
  const double typical = quantile(saves, 0.5), slow = quantile(saves, 0.99);
  table.row("recording one, committed: median, 99 %",
            judged(typical <= 20, fmt::format("{}, {}", in_ms(typical), in_ms(slow))), "20 ms");
  table.row("reading a manifest", judged(quantile(reads, 0.5) <= 5, in_ms(quantile(reads, 0.5))), "5 ms");
  table.row(fmt::format("listing all {}", rows), judged(each <= 100, in_ms(each)), "100 ms");
  table.row(fmt::format("choosing the {} that go first", go), judged(prune <= 100, in_ms(prune)), "100 ms");
  table.row("forgetting one, with its files", judged(drop <= 200, in_ms(drop)), "200 ms");
  table.print();
}

void measure_large(unsigned files, const std::string& path) {
  Database db = new_database(path);
  const Plan plan{1, 2, files};
  const Alike alike{"", 0.01, 1, 0};
  Table table(fmt::format("one package of {} files", files));
  for (unsigned deployment = 0; deployment < 2; ++deployment) {
    const Examination found = package_of(plan, alike, 0, deployment);
    const MonoTime before = kPackagesClock.mono();
    db.execute("BEGIN IMMEDIATE");
    packages::save(db, sha256(std::to_string(deployment)), found, kPackagesClock.wall());
    db.execute("COMMIT");
    const double took = ms_since(before);
    table.row(deployment == 0 ? "recording the first" : "recording the next, one file in a hundred changed",
              judged(took <= 500, in_ms(took)), "500 ms: polls wait for it");
  }
  const MonoTime before = kPackagesClock.mono();
  if (packages::manifest(db, sha256("1")).size() != files) throw std::runtime_error("files are missing");
  const double took = ms_since(before);
  table.row("reading its manifest", judged(took <= 100, in_ms(took)), "100 ms");
  table.print();
}

void bench_packages(int argc, char** argv) {
  const Flags flags(argc, argv, {"functions", "deployments", "files", "large"}, {});
  prepare_process();
  const TempDir dir;
  const Plan plan{static_cast<unsigned>(flags.number("functions", 1'000, 100'000)),
                  static_cast<unsigned>(flags.number("deployments", 4, 1'000)),
                  static_cast<unsigned>(flags.number("files", 300, 20'000))};
  const Alike ways[] = {
      {"ten functions have their dependencies in common, a deployment changes one file in fifty", 0.02, 10, 50},
      {"no two functions have anything in common, a deployment changes one file in fifty", 0.02, 1, 100},
      {"nothing is ever the same, which is the worst", 1, 1, 0},
  };
  for (const Alike& alike : ways) measure(plan, alike, dir / fmt::format("{}.db", &alike - ways));
  measure_large(static_cast<unsigned>(flags.number("large", 20'000, 1'000'000)), dir / "large.db");
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_packages", [&] { codedriftd::test::bench_packages(argc, argv); });
}
