#include "commands/options/alerts_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "commands/options/options.h"
#include "commands/options/selection_options.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;
using Strings = std::vector<std::string>;
using Verb = AlertRequest::Verb;

constexpr std::array<std::string_view, 3> kVerbs{"replay", "drop", "test"};

constexpr std::string_view kAlertsHelp = R"(codedriftd [--config FILE] alerts replay|drop|test …

What became of alerts is shown by "codedriftd query alerts". An alert that could
not be delivered in time, or that its receiver will never take, is dead: it
stays in the record, and its fallback was told. These commands act on that:

  replay   delivers dead or dropped alerts again: what was attempted under the
           same id, with the same bytes
  drop     gives dead or waiting alerts up, with a reason
  test     sends a test alert to one [[alert]] and waits for the answer

While the daemon runs it is asked to do this, through runtime_dir/control.sock;
root and the daemon's own user may ask. Without a daemon the command does it
itself, as the owner of state_dir. Who did it, and why, is an event of the log
(alert.replayed, alert.dropped).

"codedriftd alerts VERB --help" says what each of them takes.
)";

constexpr std::string_view kReplay =
    R"(codedriftd [--config FILE] alerts replay [ID…] [selection] [--to NAME]
    [--reason TEXT]
codedriftd [--config FILE] alerts replay --open --to NAME [--reason TEXT]

Delivers dead and dropped alerts again, from the oldest. What was attempted goes
under the same id and with the same bytes: a receiver that has it already can
tell. What never was is composed when it is sent, and may become part of a
digest. They have give_up_after to arrive, as new ones. A heartbeat is not
delivered again: it is of no use later.

Which alerts (at least one of these; different options narrow each other):
  ID…                 as "query alerts" shows them
  --alert NAME        those for this [[alert]]
  --target TARGET     those about this target: an address, FUNCTION or
                      FUNCTION:QUALIFIER; may be repeated
  --since, --until T  those made in that time: 2026-11-24, or an age: 15m, 7d

  --to NAME           deliver them to this [[alert]] instead; alerts that it has
                      already are left alone
  --open              tell NAME of all drift that is open now: for an [[alert]]
                      that was added later
  --reason TEXT       why: it is recorded
  --json              print what was done as JSON
)";

constexpr std::string_view kReplayExamples = R"(
Examples:
  codedriftd alerts replay --alert ops
  codedriftd alerts replay --alert ops --since 24h --to pager \
      --reason "ops is being moved"
  codedriftd alerts replay --open --to new-chat
)";

constexpr std::string_view kDrop = R"(codedriftd [--config FILE] alerts drop [ID…] [selection] --reason TEXT

Gives dead or pending alerts up: they are not delivered any more, stay in the
record as "dropped", and may be replayed. One that is on its way at this moment
may still arrive.

Which alerts (at least one of these; different options narrow each other):
  ID…                 as "query alerts" shows them
  --alert NAME        those for this [[alert]]
  --target TARGET     those about this target: an address, FUNCTION or
                      FUNCTION:QUALIFIER; may be repeated
  --since, --until T  those made in that time: 2026-11-24, or an age: 15m, 7d

  --reason TEXT       why: it is recorded
  --json              print what was done as JSON
)";

constexpr std::string_view kDropExamples = R"(
Examples:
  codedriftd alerts drop --alert ops --until 2026-11-24T03:00:00Z \
      --reason "seen during the incident, INC-31"
)";

constexpr std::string_view kTest = R"(codedriftd [--config FILE] alerts test NAME

Sends an alert of kind "test" to the [[alert]] NAME, waits for the answer for up
to 30 seconds and prints it, with the receiver's own words. It goes the way of
every alert, signature and all.

  --json              print the answer as JSON
)";

constexpr std::string_view kAlertsExit = R"(
Exit code: 0 done (test: delivered); 1 failed, or nothing matches; 64 wrong
usage; 78 wrong configuration.
)";

po::options_description options_of(Verb verb) {
  po::options_description all;
  auto add = all.add_options();
  add("WORD", po::value<Strings>()->composing());
  for (const char* flag : {"json", "help,h"}) add(flag, po::bool_switch());
  if (verb == Verb::test) return all;
  add("target", po::value<Strings>()->composing());
  for (const char* single : {"alert", "since", "until", "reason"}) add(single, po::value<std::string>());
  if (verb == Verb::replay) {
    add("to", po::value<std::string>());
    add("open", po::bool_switch());
  }
  return all;
}

std::string shown(std::string_view text) { return harmless(clean_utf8(text, 100)); }

Error unknown_alerts_option(Verb verb, std::string name) {
  name.erase(0, name.find_first_not_of('-'));
  name = name.substr(0, name.find('='));
  Strings known;
  const po::options_description all = options_of(verb);
  for (const auto& option : all.options()) {
    if (option->long_name() != "WORD") known.push_back(option->long_name());
  }
  const std::string near = nearest(name, known);
  return Error{fmt::format("alerts {} has no option --{}{}", to_string(verb), shown(name),
                           near.empty() ? "" : fmt::format("; did you mean --{}?", near))};
}

std::string alerts_help(Verb verb) {
  switch (verb) {
    case Verb::replay:
      return fmt::format("{}{}{}", kReplay, kReplayExamples, kAlertsExit);
    case Verb::drop:
      return fmt::format("{}{}{}", kDrop, kDropExamples, kAlertsExit);
    case Verb::test:
      return fmt::format("{}{}", kTest, kAlertsExit);
  }
  return {};
}

Result<AlertsOptions> parse_verb(Verb verb, const Strings& args, WallTime now) {
  po::variables_map values;
  try {
    store_options(args, options_of(verb), "WORD", values);
  } catch (const po::unknown_option& error) {
    return unknown_alerts_option(verb, error.get_option_name());
  } catch (const po::error& error) {
    return Error{harmless(clean_utf8(error.what(), 300))};
  }
  AlertsOptions parsed;
  if (values["help"].as<bool>()) {
    parsed.help = alerts_help(verb);
    return parsed;
  }
  parsed.json = values["json"].as<bool>();
  const auto text = [&](const char* name) { return text_option(values, name); };
  const auto list = [&](const char* name) { return list_option(values, name); };
  for (const char* name : {"alert", "to", "reason"}) {
    if (values.count(name) > 0 && text(name).empty()) return Error{fmt::format("--{} is empty", name)};
  }
  AlertRequest& request = parsed.request;
  request.verb = verb;
  if (verb == Verb::test) {
    const Strings names = list("WORD");
    if (names.size() != 1) return Error{"alerts test takes the name of one [[alert]]: codedriftd alerts test NAME"};
    request.to = names.front();
    return parsed;
  }
  request.ids = list("WORD");
  request.targets = list("target");
  request.alert = text("alert");
  request.to = text("to");
  request.reason = text("reason");
  request.open = verb == Verb::replay && values["open"].as<bool>();
  auto since = time_option("since", values, now);
  if (!since) return since.error();
  auto until = time_option("until", values, now);
  if (!until) return until.error();
  request.since = *since;
  request.until = *until;
  if (auto good = check_alert_request(request); !good) return good.error();
  return parsed;
}

}  // namespace

Result<AlertsOptions> parse_alerts(const std::vector<std::string>& args, WallTime now) {
  if (args.empty()) return Error{"alerts needs a verb: replay, drop or test"};
  const std::string& verb = args.front();
  if (verb == "--help" || verb == "-h" || verb == "help") {
    AlertsOptions help;
    help.help = fmt::format("{}{}", kAlertsHelp, kAlertsExit);
    return help;
  }
  const Strings rest(args.begin() + 1, args.end());
  for (const auto each : {Verb::replay, Verb::drop, Verb::test}) {
    if (to_string(each) == verb) return parse_verb(each, rest, now);
  }
  if (verb.starts_with("-"))
    return Error{
        fmt::format("the verb comes first, then its options: codedriftd alerts replay|drop|test {}", shown(verb))};
  const std::string near = nearest(verb, kVerbs);
  return Error{fmt::format("there is no \"alerts {}\"{}; there are {}", shown(verb),
                           near.empty() ? "" : fmt::format(", did you mean {}?", near), fmt::join(kVerbs, ", "))};
}

}  // namespace codedriftd
