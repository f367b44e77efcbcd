#include "service/inspection.h"

#include <fmt/format.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "base/url.h"
#include "package/examiner.h"
#include "store/packages/files.h"
#include "store/packages/packages.h"

namespace codedriftd {

InspectionRules inspection_rules(const Settings& settings) {
  const PackageSettings& packages = settings.packages;
  InspectionRules rules;
  if (packages.keep == PackageSettings::Keep::off) return rules;  // what is queued is not fetched any more either
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

Result<std::string> kept_file(const std::string& folder, const Sha256& code, const PackageFile& file,
                              const PackageLimits& limits) {
  const auto kept = PackageFolder::open(folder);
  if (!kept) return kept.error();
  // Not held against its hash: that would read all of it for each file, and who asks holds the file against its own.
  const auto package = kept->open_package(code, PackageFolder::Verify::no);
  if (!package) return package.error();
  return extract(package->get(), file.name, file.size, {.program = find_examiner(), .limits = limits});
}

std::function<bool(const Target&, std::string_view link)> package_links(const Settings& settings) {
  std::set<std::string> local;
  for (const auto& [name, account] : settings.accounts) {
    const auto endpoint = parse_url(account.endpoint);
    if (endpoint && endpoint->loopback) local.insert(name);
  }
  return [local = std::move(local), hosts = settings.packages.hosts, told = std::set<std::string>()](
             const Target& target, std::string_view link) mutable {
    const auto url = parse_url(link);
    const auto good = check_link(link, hosts);
    if (good && url && (!url->loopback || local.contains(target.account))) return true;
    const std::string host = url ? url->host : std::string("a link that is none");
    if (told.size() < 20 && told.insert(host).second) {
      log(LogLevel::warning, "package.host",
          fmt::format("the package of {} is not fetched: {}", target.address(),
                      good ? "loopback is for a cloud that is there itself" : harmless(good.error().message)),
          {field("target", target.address())});
    }
    return false;
  };
}

void prune_packages(const Settings& settings, Writer& writer) {
  if (settings.packages.keep != PackageSettings::Keep::files) return;
  auto made = PackageFolder::make(settings.packages_folder());
  if (!made) {
    log(LogLevel::warning, "package.keep", made.error().message);
    return;
  }
  const auto folder = std::make_shared<const PackageFolder>(std::move(*made));
  writer.run(
      [&](Tx& tx) { packages::let_go(tx, folder, packages::prune_candidates(tx.db, settings.packages.max_total)); });
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
