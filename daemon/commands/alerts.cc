#include "commands/alerts.h"

#include <fmt/format.h>

#include <ostream>
#include <thread>

#include "base/json.h"
#include "base/print.h"
#include "base/text.h"
#include "commands/options/alerts_options.h"
#include "commands/options/usage.h"
#include "commands/reach/ask.h"
#include "commands/reach/direct_record.h"
#include "commands/reach/reading.h"
#include "store/outbox/outbox.h"

namespace codedriftd {
namespace {

using Verb = AlertRequest::Verb;
using outbox::TestOutcome;

constexpr Millis kLookAgain{200};
constexpr std::size_t kAlertsShown = 20;

/// "1 alert", "2 alerts"
std::string count_of(int64_t count) { return fmt::format("{} alert{}", count, count == 1 ? "" : "s"); }

std::string text_of(const Json& value) { return value.is_string() ? harmless(value.get<std::string>()) : "-"; }

void print_done(std::ostream& out, const AlertRequest& request, const Json& done) {
  const int64_t count = done.at("count").get<int64_t>();
  if (request.open) {
    print(out, "{} is told of the drift of {} target{} that is open now\n", harmless(request.to), count,
          count == 1 ? "" : "s");
  } else if (request.verb == Verb::replay) {
    print(out, "{} will be delivered again{}\n", count_of(count),
          request.to.empty() ? "" : fmt::format(", to {}", harmless(request.to)));
  } else {
    print(out, "{} dropped\n", count_of(count));
  }
  if (const auto alerts = done.find("alerts"); alerts != done.end()) {
    std::size_t shown = 0;
    for (const Json& alert : *alerts) {
      if (shown++ == kAlertsShown) break;
      print(out, "  {}  {}  {}  {}\n", text_of(alert.at("id")), text_of(alert.at("alert")), text_of(alert.at("kind")),
            text_of(alert.at("target")));
    }
    if (count > static_cast<int64_t>(kAlertsShown))
      print(out, "  … and {} more; see codedriftd query alerts\n", count - static_cast<int64_t>(kAlertsShown));
  }
  if (const int64_t there = done.value("there", int64_t{0}); there > 0)
    print(out, "{} left alone: {} has them already, delivered or pending\n", count_of(there), harmless(request.to));
  if (const auto waiting = done.find("waiting"); waiting != done.end()) {
    for (const Json& each : *waiting) {
      print(out, "{} takes nothing at the moment ({}): it is tried again at {}, or after a reload. {}\n",
            text_of(each.at("alert")), each.at("state") == "held" ? "it refuses, and is held" : "it is backing off",
            text_of(each.at("until")), text_of(each.at("reason")));
    }
  }
}

/// One `alerts` command.
class AlertsCommand {
 public:
  AlertsCommand(const AlertsOptions& options, const Settings& settings, const Clock& clock, std::ostream& out,
                std::ostream& err, const AlertsPatience& patience)
      : options_(options), settings_(settings), clock_(clock), out_(out), err_(err), patience_(patience) {}

  int run() {
    const auto reply = ask_running_daemon(settings_, fmt::format("alerts.{}", to_string(options_.request.verb)),
                                          arguments_of(options_.request), clock_, {patience_.daemon, patience_.socket});
    if (!reply) return say(err_, "alerts", exit_code_of(reply.error()), reply.error().message);
    return *reply ? report(***reply) : directly();
  }

 private:
  int report(const Json& done) {
    if (options_.request.verb != Verb::test) return say_done(done);
    return print_test(done.at("id").get<std::string>(), wait_for_test(done.at("id").get<std::string>()));
  }

  int say_done(const Json& done) {
    if (options_.json) {
      print(out_, "{}\n", plain_json(done));
    } else {
      print_done(out_, options_.request, done);
    }
    return EXIT_SUCCESS;
  }

  int directly() {
    const Caller caller = this_caller();  // before it becomes the owner
    DirectRecord record(settings_, clock_);
    auto done = record.carry_out(options_.request, caller);
    if (!done) return say(err_, "alerts", exit_code_of(done.error()), done.error().message);
    if (options_.request.verb != Verb::test) {
      say_done(**done);
      if (!options_.json && options_.request.verb == Verb::replay)
        print(out_, "no daemon runs: they go out when it does\n");
      return EXIT_SUCCESS;
    }
    const std::string id = (**done).at("id").get<std::string>();
    return print_test(id, record.deliver_test(options_.request.to, id, patience_.test));
  }

  /// What has become of a test that the daemon delivers.
  TestOutcome wait_for_test(const std::string& id) {
    const MonoTime give_up = clock_.mono() + patience_.test;
    for (;;) {
      TestOutcome outcome = read_record(settings_, [&](Database& db) { return look(db, id); });
      if (outcome.state != "pending" || clock_.mono() >= give_up) return outcome;
      std::this_thread::sleep_for(kLookAgain);
    }
  }

  TestOutcome look(Database& db, const std::string& id) const {
    TestOutcome outcome = outbox::test_outcome(db, options_.request.to, id);
    if (outcome.state != "pending") return outcome;
    const DestinationState state = outbox::destination(db, options_.request.to);
    if (state.kind != DestinationState::Kind::ok) {
      outcome.words =
          fmt::format("the destination {} until {}: {}",
                      state.kind == DestinationState::Kind::held ? "refuses alerts and is held" : "is backing off",
                      rfc3339(state.until), state.reason);
    }
    return outcome;
  }

  int print_test(const std::string& id, const TestOutcome& outcome) {
    const bool delivered = outcome.state == "delivered";
    if (options_.json) {
      print(out_, "{}\n",
            plain_json(Json{{"id", id},
                            {"alert", options_.request.to},
                            {"state", outcome.state},
                            {"status", outcome.status == 0 ? Json() : Json(outcome.status)},
                            {"words", outcome.words}}));
    } else {
      const std::string status = outcome.status == 0 ? "" : fmt::format(", status {}", outcome.status);
      const std::string words = outcome.words.empty() ? "" : fmt::format(": {}", harmless(outcome.words));
      const std::string name = harmless(options_.request.to);
      if (delivered) {
        print(out_, "{} took test {}{}{}\n", name, id, status, words);
      } else if (outcome.state == "pending") {
        print(out_,
              "{} has not taken test {} within {} s{}{}\nthe daemon goes on trying; codedriftd alerts drop {} "
              "--reason TEXT ends that\n",
              name, id, patience_.test.count() / 1000, status, words, id);
      } else {
        print(out_, "{} did not take test {}: it is {}{}{}\n", name, id, outcome.state, status, words);
      }
    }
    return delivered ? EXIT_SUCCESS : EXIT_FAILURE;
  }

  const AlertsOptions& options_;
  const Settings& settings_;
  const Clock& clock_;
  std::ostream& out_;
  std::ostream& err_;
  const AlertsPatience& patience_;
};

}  // namespace

int run_alerts(const std::vector<std::string>& args, const std::function<Settings()>& load, const Clock& clock,
               std::ostream& out, std::ostream& err, const AlertsPatience& patience) {
  const auto options = parse_alerts(args, clock.wall());
  if (!options) {
    say(err, "alerts", kExitUsage, options.error().message);
    print(err, "See: codedriftd alerts --help\n");
    return kExitUsage;
  }
  if (!options->help.empty()) {
    out << options->help << std::flush;
    return EXIT_SUCCESS;
  }
  const Settings settings = load();
  try {
    return AlertsCommand(*options, settings, clock, out, err, patience).run();
  } catch (const std::exception& error) {
    return say(err, "alerts", EXIT_FAILURE, error.what());
  }
}

}  // namespace codedriftd
