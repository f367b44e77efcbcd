#include "service/foresight.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "attest/load_trust.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "control/permissions.h"
#include "http/tls_files.h"
#include "status/access.h"

namespace codedriftd {
namespace {

Place place_of_key(const Settings& settings, const std::string& key) {
  const auto place = settings.places.find(key);
  return place == settings.places.end() ? Place{settings.file, 0, 0} : place->second;
}

void check_accounts(const Settings& settings, Looking looking, DestinationReport& report) {
  for (const auto& [name, account] : settings.accounts) {
    if (account.ca_file.empty()) continue;
    const Checked usable = check_ca_file(account.ca_file);
    if (usable) continue;
    const std::string& words = usable.error().message;
    (may_be_read_by_the_service(words, looking) ? report.warnings : report.mistakes)
        .push_back({place_of_key(settings, "account." + name + ".ca_file"), harmless("'ca_file': " + words)});
  }
}

void check_page(const Settings& settings, Looking looking, DestinationReport& report) {
  const HttpSettings& http = settings.http;
  if (http.listen.empty()) return;
  for (const auto& [key, path] : {std::pair("token_file", &http.token_file),
                                  {"tls_certificate", &http.tls_certificate},
                                  {"tls_key", &http.tls_key}}) {
    if (!is_credential_of_the_service(*path)) continue;
    report.warnings.push_back(
        {place_of_key(settings, "http." + std::string(key)),
         harmless(fmt::format("'{}' cannot be read here: \"{}\" is relative, so it is looked up under "
                              "$CREDENTIALS_DIRECTORY (LoadCredential= of the unit), which is not set; without it "
                              "nothing is served on [http] listen",
                              key, *path))});
    return;
  }
  const auto access = Access::load(http);
  if (access) return;
  const std::string& words = access.error().message;
  (may_be_read_by_the_service(words, looking) ? report.warnings : report.mistakes)
      .push_back({place_of_key(settings, words.starts_with("token_file") ? "http.token_file" : "http.tls_certificate"),
                  harmless(words)});
}

void check_trust(const Settings& settings, Looking looking, DestinationReport& report) {
  LoadedTrust trust = load_trust(settings);
  const auto add = [](std::vector<Mistake>& to, const std::vector<Mistake>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  add(report.mistakes, trust.mistakes);
  add(looking == Looking::as_somebody ? report.warnings : report.mistakes, trust.forbidden);
}

void check_names(const Settings& settings, DestinationReport& report) {
  const Permissions permissions(settings.control, ::geteuid());
  for (const std::string& name : permissions.unknown()) {
    const auto place = settings.places.find("control." + name);
    if (place == settings.places.end()) continue;
    report.warnings.push_back(
        {place->second, fmt::format("[control] names {}, which is not a {} of this machine: it allows nobody",
                                    harmless(name), name.starts_with('%') ? "group" : "user")});
  }
}

}  // namespace

bool may_be_read_by_the_service(std::string_view words, Looking looking) {
  return looking == Looking::as_somebody && words.find(std::strerror(EACCES)) != std::string_view::npos;
}

DestinationReport look_ahead(const Settings& settings, const std::string& sinkhost, Looking looking) {
  DestinationReport report;
  check_accounts(settings, looking, report);
  check_page(settings, looking, report);
  check_trust(settings, looking, report);
  DestinationReport destinations = check_destinations(settings, sinkhost, looking);
  const auto add = [](std::vector<Mistake>& to, std::vector<Mistake>& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  report.warnings.insert(report.warnings.begin(), settings.warnings.begin(), settings.warnings.end());
  check_names(settings, report);
  add(report.mistakes, destinations.mistakes);
  add(report.faults, destinations.faults);
  add(report.warnings, destinations.warnings);
  return report;
}

void log_warnings(const DestinationReport& report) {
  for (const std::vector<Mistake>* list : {&report.warnings, &report.faults}) {
    for (const Mistake& warning : *list)
      log(LogLevel::warning, "config.warning", fmt::format("{}: {}", warning.place.text(), warning.message));
  }
}

}  // namespace codedriftd
