#include "commands/discover.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>

#include "audit/query/discovered.h"
#include "base/byte_order_mark.h"
#include "base/output_file.h"
#include "base/text.h"
#include "commands/discover_rules.h"
#include "commands/files/progress.h"
#include "commands/options/discover_options.h"
#include "commands/options/usage.h"
#include "commands/reach/reading.h"
#include "discovery/listing_job.h"
#include "discovery/read_runner.h"
#include "settings/expand.h"
#include "settings/rules.h"
#include "settings/schedule.h"

namespace codedriftd {
namespace {

constexpr Millis kTurn{50};

int tell(std::ostream& err, int code, std::string_view what) { return say(err, "discover", code, what); }

/// The regions that the configuration names, by account; every account is there.
std::map<std::string, std::set<std::string>> configured_regions(const Settings& settings) {
  std::map<std::string, std::set<std::string>> regions;
  for (const auto& [name, account] : settings.accounts) regions[name];
  for (const WatchSettings& watch : settings.watches) regions[watch.target.account].insert(watch.target.region);
  for (const RuleSettings& each : settings.rules)
    regions[each.rule.account].insert(each.rule.regions.begin(), each.rule.regions.end());
  return regions;
}

std::vector<Listing> list_all(const std::vector<AccountRegion>& places, const Settings& settings, ReadApi& api,
                              const Clock& clock, Progress& progress) {
  Paces paces;
  for (const AccountRegion& place : places) {
    const AccountSettings& account = settings.accounts.at(place.account);
    paces[account.name] = {pace_key(account), account.requests_per_second};
  }
  ReadRunner runner(api, clock);
  runner.set_paces(std::move(paces));
  std::vector<std::shared_ptr<ListingJob>> jobs;
  std::size_t over = 0;
  for (const AccountRegion& place : places) {
    jobs.push_back(std::make_shared<ListingJob>(place.account, place.region, clock.wall()));
    runner.start(jobs.back(), [&over] { ++over; });
  }
  while (over < jobs.size()) {
    runner.turn(kTurn);
    progress.say(fmt::format("listed {} of {} regions …", over, jobs.size()));
  }
  progress.clear();
  std::vector<Listing> listings;
  for (const auto& job : jobs) listings.push_back(job->take_listing());
  return listings;
}

std::string file_text_or_nothing(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool stands_in(const WatchRule& rule, const std::string& file) {
  std::error_code none;
  return std::filesystem::equivalent(rule.where.substr(0, rule.where.rfind(':')), file, none);
}

/// True if one of the rules stands in `file`: an `include` of the configuration reads it.
bool is_read(const Settings& settings, const std::string& file) {
  return std::ranges::any_of(settings.rules, [&](const RuleSettings& each) { return stands_in(each.rule, file); });
}

/// The "FILE:LINE" of a rule that is read after those of `file`, and that says something of a region of theirs: what it
/// matches would be theirs, as the first rule wins. Empty: none.
std::string overtaken(const Settings& settings, const std::string& file) {
  std::set<AccountRegion> taken;
  for (const RuleSettings& each : settings.rules) {
    const WatchRule& rule = each.rule;
    const bool here = stands_in(rule, file);
    for (const std::string& region : rule.regions) {
      if (here) taken.insert({rule.account, region});
      if (!here && taken.contains({rule.account, region})) return rule.where;
    }
  }
  return {};
}

class DiscoverCommand {
 public:
  DiscoverCommand(const DiscoverOptions& options, const std::function<Settings()>& load, const Clock& clock,
                  Terminals terminals, std::ostream& out, std::ostream& err)
      : options_(options), load_(load), clock_(clock), terminals_(terminals), out_(out), err_(err) {}

  int run(const Settings& settings, const MakeReadApi& make_api) {
    const auto places = places_to_list(settings, options_.selection);
    if (!places) return tell(err_, EXIT_FAILURE, places.error().message);
    // Found out before minutes of listing, too.
    if (std::error_code none; !options_.rules_file.empty() && !options_.force &&
                              std::filesystem::exists(std::filesystem::symlink_status(options_.rules_file, none)))
      return tell(
          err_, EXIT_FAILURE,
          fmt::format("{}: is there already; name another file, or take --force to replace it", options_.rules_file));
    std::vector<Listing> listings;
    {
      const std::unique_ptr<ReadApi> api = make_api(settings);
      Progress progress(err_, terminals_.err, clock_);
      listings = list_all(*places, settings, *api, clock_, progress);
    }
    const WatchPlan plan = watch_plan(settings);
    const auto end = print(listings, plan);
    if (!end) return tell(err_, EXIT_FAILURE, end.error().message);
    if (!end->nothing.empty()) return tell(err_, EXIT_FAILURE, end->nothing);
    if (!options_.rules_file.empty()) {
      if (const int failed = write(rules_for(listings, plan, clock_.wall())); failed != EXIT_SUCCESS) return failed;
    }
    return options_.detailed_exit_code ? end->detailed_exit : EXIT_SUCCESS;
  }

 private:
  Result<ReportEnd> print(const std::vector<Listing>& listings, const WatchPlan& plan) {
    const bool seen = terminals_.out && options_.file.empty();
    const Look look(use_colour(seen), seen && !options_.wide ? terminal_width() : 0, options_.utc);
    std::string text(options_.bom ? kByteOrderMark : std::string_view());
    const auto renderer = make_renderer(options_.format, kDiscoverReport, clock_.wall(), look, text);
    ReportEnd end = discovered(listings, plan, options_.selection, [&](const Row& row) { renderer->row(row); });
    renderer->end(end);
    if (options_.file.empty()) {
      out_ << text << std::flush;
    } else if (auto written = write_file(options_.file, text); !written) {
      return written.error();
    }
    return end;
  }

  int write(const WrittenRules& rules) {
    const std::string& file = options_.rules_file;
    const std::string shown = harmless(clean_utf8(file, 400));
    if (rules.text.empty()) {
      tell(err_, EXIT_SUCCESS,
           fmt::format("everything that was found is watched or excluded: {} is not written", shown));
      return EXIT_SUCCESS;
    }
    std::optional<std::string> before;
    if (std::error_code none; options_.force && std::filesystem::exists(file, none))
      before = file_text_or_nothing(file);
    if (auto written = write_config_file(file, rules.text, options_.force); !written)
      return tell(err_, EXIT_FAILURE, written.error().message);
    const auto undo = [&] {
      if (before) {
        (void)write_config_file(file, *before, true);
      } else {
        ::unlink(file.c_str());
      }
      return before ? "is as it was" : "was taken away again";
    };
    bool read = false;
    std::string later;
    try {
      const Settings with_it = load_();
      read = is_read(with_it, file);
      later = overtaken(with_it, file);
    } catch (...) {
      // A reload would refuse it: nobody is to be left with a configuration that cannot be read.
      tell(err_, EXIT_FAILURE,
           fmt::format("the configuration cannot be read with what was to be written; {} {}", shown, undo()));
      throw;
    }
    if (!later.empty()) {
      return tell(err_, EXIT_FAILURE,
                  fmt::format("{} {}: it would be read before the [[watch]] at {}, and watch what that one watches, "
                              "without its layers, aliases and versions, as the first that matches counts; --write "
                              "takes a name that sorts after it",
                              shown, undo(), harmless(later)));
    }
    err_ << fmt::format("written to {}: {} [[watch]] for {}, {} function{} more than before\n", shown, rules.rules,
                        fmt::join(rules.accounts, ", "), rules.functions, rules.functions == 1 ? "" : "s");
    if (read) {
      err_ << "It is part of the configuration. Next: codedriftd check; then systemctl reload codedriftd, or\n"
              "codedriftd reload; then codedriftd query inventory\n";
    } else {
      err_ << fmt::format(
          "It is not part of the configuration yet: include = [\"{}\"] in [daemon] makes it so, with a\n"
          "name relative to the configuration's folder. Then: codedriftd check\n",
          shown);
    }
    err_ << std::flush;
    return EXIT_SUCCESS;
  }

  const DiscoverOptions& options_;
  const std::function<Settings()>& load_;
  const Clock& clock_;
  const Terminals terminals_;
  std::ostream& out_;
  std::ostream& err_;
};

}  // namespace

Result<std::vector<AccountRegion>> places_to_list(const Settings& settings, const Selection& selection) {
  std::set<std::string> accounts;
  std::vector<AccountRegion> places;
  for (const auto& [account, regions] : configured_regions(settings)) {
    if (!any_matches(selection.accounts, account)) continue;
    accounts.insert(account);
    std::set<std::string> asked = regions;
    for (const std::string& region : selection.regions) {
      if (valid_part(region)) asked.insert(region);  // a pattern is none
    }
    for (const std::string& region : asked) {
      if (any_matches(selection.regions, region)) places.push_back({account, region});
    }
  }
  if (settings.accounts.empty())
    return Error{"the configuration has no account; add [account.NAME] with its endpoint and credentials"};
  if (accounts.empty()) {
    std::vector<std::string> names;
    for (const auto& [name, account] : settings.accounts) names.push_back(name);
    return Error{fmt::format("the configuration has no such account; there is {}", fmt::join(names, ", "))};
  }
  if (places.empty())
    return Error{
        fmt::format("no region of {} is known: the configuration names none that is asked for; say --region, "
                    "such as --region ap-guangzhou",
                    fmt::join(accounts, ", "))};
  return places;
}

int run_discover(const std::vector<std::string>& args, const std::function<Settings()>& settings,
                 const MakeReadApi& make_api, const Clock& clock, Terminals terminals, std::ostream& out,
                 std::ostream& err) {
  const auto options = parse_discover(args, clock.wall());
  if (!options) {
    tell(err, kExitUsage, options.error().message);
    err << "See: codedriftd discover --help\n" << std::flush;
    return kExitUsage;
  }
  if (!options->help.empty()) {
    out << options->help << std::flush;
    return EXIT_SUCCESS;
  }
  const Settings loaded = settings();
  return DiscoverCommand(*options, settings, clock, terminals, out, err).run(loaded, make_api);
}

}  // namespace codedriftd
