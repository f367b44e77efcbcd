#include "service/inspection.h"

#include <fmt/format.h>

#include "base/log.h"
#include "package/examiner.h"
#include "store/packages/files.h"

namespace codedriftd {

InspectionRules inspection_rules(const Settings& settings) {
  const PackageSettings& packages = settings.packages;
  InspectionRules rules;
  for (const auto& [name, account] : settings.accounts) {
    FetchRules fetch;
    fetch.hosts = packages.hosts;
    fetch.max_package = packages.limits.package;
    fetch.ca_file = account.ca_file;
    fetch.folder = settings.state_dir;
    rules.fetch.emplace(name, std::move(fetch));
  }
  rules.limits = packages.limits;
  rules.examiner = find_examiner();
  if (packages.keep == PackageSettings::Keep::files) rules.keep_folder = settings.packages_folder();
  rules.keep_at_most = packages.max_total;
  return rules;
}

void mend_packages(const Settings& settings, Writer& writer) {
  if (settings.packages.keep != PackageSettings::Keep::files) return;
  const auto folder = PackageFolder::make(settings.packages_folder());
  if (!folder) {
    log(LogLevel::warning, "package.keep", folder.error().message);
    return;
  }
  writer.run([&](Tx& tx) {
    const auto mended = packages::mend(tx.db, *folder);
    if (!mended) {
      log(LogLevel::warning, "package.keep", mended.error().message);
    } else if (!mended->files.empty() || !mended->rows.empty()) {
      log(LogLevel::info, "package.keep",
          fmt::format("{} packages nobody knew of were removed, {} are no longer there", mended->files.size(),
                      mended->rows.size()));
    }
  });
}

}  // namespace codedriftd
