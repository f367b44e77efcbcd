#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "base/text.h"
#include "model/target.h"
#include "store/packages/packages.h"

namespace codedriftd {
namespace {

constexpr std::string_view kPackageFields[] = {
    "sha256",      "state",     "content", "files",    "package_bytes", "unpacked_bytes", "kept",
    "examined_at", "wanted_at", "live",    "accepted", "announced",     "findings",       "why"};
constexpr Column kPackageColumns[] = {
    {"sha256", "PACKAGE", 0}, {"state", "STATE", 0},           {"kept", "KEPT", 0},
    {"files", "FILES", 0, 4}, {"package_bytes", "SIZE", 0, 3}, {"examined_at", "EXAMINED", 0, 2},
    {"live", "LIVE AT", 60},  {"accepted", "ACCEPTED AT", 60}, {"why", "WHY", 60}};

/// "532 B", "1.4 MiB", for people.
std::string size_words(uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  constexpr double kStep = 1024;
  if (bytes < static_cast<uint64_t>(kStep)) return fmt::format("{} B", bytes);
  double size = static_cast<double>(bytes) / kStep;
  std::size_t unit = 0;
  for (; size >= kStep && unit + 1 < std::size(kUnits); ++unit) size /= kStep;
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

/// "charge, refund and 3 more": the functions of these addresses, for people.
OrderedJson functions_of(const std::vector<std::string>& addresses) {
  constexpr std::size_t kNamed = 2;
  if (addresses.empty()) return nullptr;
  std::string words;
  for (std::size_t i = 0; i < std::min(addresses.size(), kNamed); ++i) {
    const auto target = Target::parse(addresses[i]);
    words += fmt::format("{}{}", i == 0 ? "" : ", ", target ? target->function : addresses[i]);
  }
  if (addresses.size() > kNamed) words += fmt::format(" and {} more", addresses.size() - kNamed);
  return words;
}

Row row_of(const PackageRow& package) {
  const bool read = package.state == PackageState::examined;
  const auto where_read = [&](uint64_t value) { return read ? OrderedJson(value) : OrderedJson(); };
  OrderedJson findings = OrderedJson::array();
  for (const Finding& finding : package.findings)
    findings.push_back({{"kind", finding.kind}, {"name", clean_utf8(finding.name)}});
  Row row{{package.code.hex(), to_string(package.state),
           package.content ? OrderedJson(package.content->text()) : OrderedJson(), where_read(package.files),
           package.package_bytes == 0 ? OrderedJson() : OrderedJson(package.package_bytes),
           where_read(package.unpacked_bytes), package.kept, rfc3339(package.at), rfc3339(package.wanted_at),
           package.uses.live, package.uses.accepted, package.uses.announced, std::move(findings),
           text_or_null(package.why)},
          {}};
  row.shown.emplace_back("live", functions_of(package.uses.live));
  row.shown.emplace_back("accepted", functions_of(package.uses.accepted));
  if (package.package_bytes != 0) row.shown.emplace_back("package_bytes", size_words(package.package_bytes));
  return row;
}

/// True if one of the selected targets has it live, accepted or announced.
bool is_of(const PackageUses& uses, const std::set<std::string>& selected) {
  return std::ranges::any_of(std::array{&uses.live, &uses.accepted, &uses.announced}, [&](const auto* addresses) {
    return std::ranges::any_of(*addresses, [&](const std::string& address) { return selected.contains(address); });
  });
}

ReportEnd run_packages(Database& db, const Selection& selection, WallTime now, const Emit& emit) {
  std::set<std::string> selected;
  if (selection.narrows_targets()) {
    for (const SelectedTarget& target : selected_targets(db, selection, now))
      selected.insert(target.row.target.address());
  }
  std::vector<PackageRow> found;
  packages::each(db, [&](PackageRow&& package) {
    if (!selection.in_window(package.at)) return;
    if (!selection.narrows_targets() || is_of(package.uses, selected)) found.push_back(std::move(package));
  });
  std::ranges::stable_sort(found, [](const PackageRow& a, const PackageRow& b) { return a.wanted_at > b.wanted_at; });
  if (selection.limit && found.size() > static_cast<std::size_t>(*selection.limit))
    found.resize(static_cast<std::size_t>(*selection.limit));
  ReportEnd end;
  int64_t kept = 0;
  uint64_t kept_bytes = 0;
  std::map<PackageState, int64_t> states;
  for (const PackageRow& package : found) {
    ++states[package.state];
    if (package.kept) {
      ++kept;
      kept_bytes += package.package_bytes;
    }
    emit(row_of(package));
    ++end.rows;
  }
  std::string line;
  for (const PackageState state :
       {PackageState::examined, PackageState::ambiguous, PackageState::unavailable, PackageState::mismatch}) {
    end.summary[std::string(to_string(state))] = states[state];
    if (states[state] > 0) line += fmt::format("{}{} {}", line.empty() ? "" : ", ", states[state], to_string(state));
  }
  end.summary["kept"] = kept;
  end.summary["kept_bytes"] = kept_bytes;
  end.summary["selected"] = end.rows;
  end.remarks.push_back(line.empty() ? "no packages"
                                     : fmt::format("{}; {} kept, {}", line, kept, size_words(kept_bytes)));
  return end;
}

}  // namespace

const Report kPackagesReport{"packages", kPackageFields, kPackageColumns, run_packages};

}  // namespace codedriftd
