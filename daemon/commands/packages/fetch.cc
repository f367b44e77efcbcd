#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <thread>
#include <utility>

#include "actions/poll_requests.h"
#include "audit/format/render.h"
#include "audit/query/reports.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/print.h"
#include "base/text.h"
#include "commands/files/progress.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "commands/packages/verbs.h"
#include "commands/reach/await.h"
#include "commands/reach/reading.h"
#include "store/packages/packages.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;
using Strings = std::vector<std::string>;

constexpr std::string_view kFetchUsage = R"(codedriftd [--config FILE] packages fetch TARGET… [--json]

Has the running daemon poll these targets now and look into the packages that
are live, also where it has given that up, waits for that, and prints what came.
It looks into every new package by itself: this is for one that could not be
had, once the cause is mended. Verdicts and events follow as ever.

[control] poll in the daemon's configuration says who may ask.

)";
constexpr std::string_view kFetchAfter = R"(
Exit code: 0 each of them was examined; 1 failed, no daemon runs, or one of them
could not be; 64 wrong usage; 78 wrong configuration.
)";

/// What has come of one target.
struct Came {
  std::string address;
  std::optional<Sha256> live;
  std::optional<PackageRow> package;

  bool over(WallTime asked_at) const {
    if (!live) return true;
    if (!package) return false;
    return was_read(package->state) || package->at >= asked_at;
  }
  bool examined() const { return package && package->state == PackageState::examined; }
};

std::vector<Came> look(Database& db, const Strings& addresses) {
  std::vector<Came> all;
  for (const std::string& address : addresses) {
    Came came{address, std::nullopt, std::nullopt};
    if (const auto row = targets::find(db, address)) came.live = row->state.live;
    if (came.live) came.package = packages::find(db, *came.live);
    all.push_back(std::move(came));
  }
  return all;
}

std::string words_of_package(const Came& came, WallTime asked_at, Millis waited) {
  if (!came.live) return "no code of it was ever seen";
  const std::string code = came.live->hex();
  if (!came.over(asked_at))
    return fmt::format(
        "{}  nothing came within {}; the daemon's log says more (package.unavailable, package.host), and it goes on",
        code, format_duration(std::chrono::duration_cast<std::chrono::seconds>(waited)));
  const PackageRow& package = *came.package;
  if (package.state != PackageState::examined)
    return fmt::format("{}  {}: {}", code, to_string(package.state), package.why);
  return fmt::format("{}  examined: {} file{}, {}{}", code, package.files, package.files == 1 ? "" : "s",
                     package.content ? package.content->text() : std::string("no content digest"),
                     package.kept ? ", kept" : "");
}

class FetchCommand {
 public:
  FetchCommand(const PackagesContext& context, const Settings& settings) : context_(context), settings_(settings) {}

  int run(const Strings& names, bool json) {
    if (settings_.packages.keep == PackageSettings::Keep::off)
      return failed(EXIT_FAILURE,
                    "[packages] keep is \"off\" in the configuration: no package is looked into; set \"manifest\" or "
                    "\"files\", and reload");
    asked_at_ = context_.clock.wall();
    const auto asked =
        ask_running_daemon(settings_, "packages.fetch", Json{{"targets", names}}, context_.clock, context_.patience);
    if (!asked) return failed(exit_code_of(asked.error()), asked.error().message);
    if (!*asked)
      return failed(EXIT_FAILURE, fmt::format("no daemon runs: nobody holds {}; codedriftd run starts one, which looks "
                                              "into what is live",
                                              settings_.lock_file()));
    const Json& done = ***asked;
    Progress progress(context_.err, context_.terminal_err, context_.clock);
    const auto polled = await_ticket(settings_, done.at("ticket").get<std::string>(), context_.clock, context_.patience,
                                     [&](std::size_t count, std::size_t total) { progress.at(count, total); });
    progress.clear();
    if (!polled) return failed(EXIT_FAILURE, polled.error().message);
    if (const Json& ends = **polled; ends.value("answered", 0) != ends.value("total", 0))
      say(context_.err, "packages fetch", 0, "not all of them answered, and what did not has no package to be had");
    const std::vector<Came> all = wait_for(done.at("addresses").get<Strings>());
    print_all(all, json);
    return std::all_of(all.begin(), all.end(), [](const Came& came) { return came.examined(); }) ? EXIT_SUCCESS
                                                                                                 : EXIT_FAILURE;
  }

 private:
  int failed(int code, std::string_view why) const { return say(context_.err, "packages fetch", code, why); }

  /// Reads the record until something has come of each of them, or it takes too long.
  std::vector<Came> wait_for(const Strings& addresses) const {
    constexpr Millis kLookAgain{200};
    const MonoTime give_up = context_.clock.mono() + context_.examined_within;
    for (;;) {
      std::vector<Came> all = read_record(settings_, [&](Database& db) { return look(db, addresses); });
      if (std::all_of(all.begin(), all.end(), [&](const Came& came) { return came.over(asked_at_); }) ||
          context_.clock.mono() >= give_up)
        return all;
      std::this_thread::sleep_for(kLookAgain);
    }
  }

  void print_all(const std::vector<Came>& all, bool json) const {
    if (!json) {
      for (const Came& came : all)
        print(context_.out, "{}  {}\n", came.address,
              harmless(words_of_package(came, asked_at_, context_.examined_within)));
      context_.out << std::flush;
      return;
    }
    OrderedJson rows = OrderedJson::array();
    for (const Came& came : all) {
      const auto& package = came.package;
      rows.push_back(
          {{"target", came.address},
           {"sha256", or_null<OrderedJson>(came.live)},
           {"state", package && came.over(asked_at_) ? OrderedJson(to_string(package->state)) : OrderedJson()},
           {"content", package && package->content ? OrderedJson(package->content->text()) : OrderedJson()},
           {"files", came.examined() ? OrderedJson(package->files) : OrderedJson()},
           {"kept", package && package->kept},
           {"why", package ? or_null<OrderedJson>(std::string_view(package->why)) : OrderedJson()}});
    }
    print(context_.out, "{}\n",
          plain_json(OrderedJson{{"schema", "codedriftd.fetched.v1"}, {"rows", std::move(rows)}}));
  }

  const PackagesContext& context_;
  const Settings& settings_;
  WallTime asked_at_{};
};

}  // namespace

int packages_fetch(const std::vector<std::string>& args, const PackagesContext& context) {
  po::options_description options;
  options.add_options()("json", "print what came as one JSON object (codedriftd.fetched.v1)");
  po::variables_map values;
  if (!read_options(args, kFetchUsage, kFetchAfter, options, "TARGET", values, context.out)) return EXIT_SUCCESS;
  const auto names = list_option(values, "TARGET");
  if (names.empty()) throw UsageError("packages fetch needs the names of targets: codedriftd packages fetch TARGET…");
  if (auto good = check_poll_names(names); !good) throw UsageError(good.error().message);
  const Settings settings = context.settings();
  return FetchCommand(context, settings).run(names, values.contains("json"));
}

}  // namespace codedriftd
