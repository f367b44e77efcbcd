#include <fmt/format.h>

#include "base/byte_size.h"
#include "settings/readers.h"

namespace codedriftd {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kMostOfOne = uint64_t{16}
                                << 30;  // far above what the cloud takes; a zip beyond it is another matter
constexpr uint64_t kMostOfAll = uint64_t{1} << 50;
constexpr uint64_t kMostFiles = 1'000'000;

template <typename T>
void replace(T& setting, std::optional<T> value) {
  if (value) setting = std::move(*value);
}

}  // namespace

void read_packages(const Document& document, PackageSettings& packages, Mistakes& mistakes) {
  const toml::table* table = table_at_top(document, "packages", mistakes);
  if (table == nullptr) return;
  const Section section(*table, kPackagesKeys, document.name, mistakes);
  if (const auto keep = section.choice("keep", kPackageKeeps))
    packages.keep = static_cast<PackageSettings::Keep>(*keep);
  replace(packages.limits.package, section.byte_size("max_package", kMiB, kMostOfOne));
  replace(packages.limits.unpacked, section.byte_size("max_unpacked", kMiB, kMostOfOne));
  replace(packages.limits.files, section.whole_number("max_files", 1, kMostFiles));
  replace(packages.max_total, section.byte_size("max_total", kMiB, kMostOfAll));
  if (const auto hosts = section.texts("hosts", kPackageHost,
                                       "name where packages may come from, or set keep = \"off\" to look into none")) {
    packages.hosts.clear();
    for (const PlacedText& host : *hosts) packages.hosts.push_back(host.text);
  }
  replace(packages.explain_within, section.duration("explain_within", Millis{0}, Millis{600'000}));
  replace(packages.examine_within, section.duration("examine_within", kSecond, kLongestExamineWithin));
  if (packages.keep == PackageSettings::Keep::files && packages.max_total < packages.limits.package) {
    section.mistakes().warn(
        section.place(section.has("max_total") ? "max_total" : "max_package"),
        fmt::format("'max_total' is {}, less than 'max_package', {}: a package between the two is not kept",
                    format_byte_size(packages.max_total), format_byte_size(packages.limits.package)));
  }
}

}  // namespace codedriftd
