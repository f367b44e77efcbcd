#include "commands/plan.h"

#include <fmt/format.h>

#include <ostream>

#include "base/byte_order_mark.h"
#include "base/output_file.h"
#include "base/text.h"
#include "commands/files/progress.h"
#include "commands/options/plan_options.h"
#include "commands/options/usage.h"
#include "commands/plan/sources.h"
#include "commands/reach/ask.h"
#include "commands/reach/reading.h"

namespace codedriftd {
namespace {

class PlanCommand {
 public:
  PlanCommand(const PlanOptions& options, const Settings& settings, const MakeApi& make_api, const Clock& clock,
              Terminals terminals, std::ostream& out, std::ostream& err)
      : options_(options),
        settings_(settings),
        make_api_(make_api),
        clock_(clock),
        terminals_(terminals),
        out_(out),
        err_(err) {}

  int run() {
    const auto plan = make();
    if (!plan) return say(err_, "plan", plan.error().code, plan.error().message);
    const WallTime now = clock_.wall();
    if (!options_.out_file.empty()) {
      if (auto saved = write_file(options_.out_file, render_plan(*plan, Format::json, now, false)); !saved)
        return say(err_, "plan", EXIT_FAILURE, saved.error().message);
    }
    const bool seen = terminals_.out && options_.file.empty();
    const Look look(use_colour(seen), seen && !options_.wide ? terminal_width() : 0, options_.utc);
    std::string text(options_.bom ? kByteOrderMark : std::string_view());
    text += render_plan(*plan, options_.format, now, look, options_.selection.limit);
    if (options_.file.empty()) {
      out_ << text << std::flush;
    } else if (auto written = write_file(options_.file, text); !written) {
      return say(err_, "plan", EXIT_FAILURE, written.error().message);
    }
    if (!options_.out_file.empty()) tell_of_file(*plan);
    if (options_.refresh && plan->unanswered() == plan->items.size())
      return say(err_, "plan", EXIT_FAILURE, "none of what was asked for could be observed");
    return options_.detailed_exit_code ? plan->detailed_exit() : EXIT_SUCCESS;
  }

 private:
  Result<Plan, NoPlan> make() {
    if (!options_.refresh) return from_record();
    Progress progress(err_, terminals_.err, clock_);
    const auto holder = record_holder(settings_);
    if (holder && holder->pid) {
      auto plan = plan_by_daemon(settings_, options_.selection, clock_, progress);
      if (!plan) return plan.error();
      if (*plan) return std::move(**plan);
    }
    auto plan = plan_directly(settings_, options_.selection, make_api_, clock_, progress);
    progress.clear();
    if (plan && !holder)
      plan->remarks.push_back(fmt::format("Whether a daemon runs cannot be told: {}", holder.error().message));
    return plan;
  }

  Result<Plan, NoPlan> from_record() {
    return read_record(settings_, [&](Database& db) {
      Selection selection = options_.selection;
      if (auto resolved = resolve_names(db, selection); !resolved)
        return Result<Plan, NoPlan>(NoPlan{kExitUsage, resolved.error().message});
      return plan_from_record(db, selection, clock_.wall());
    });
  }

  /// What can be done with the saved plan.
  void tell_of_file(const Plan& plan) const {
    const StatusCounts counts = plan.counts();
    const int64_t open = counts.of(Status::drifted) + counts.of(Status::unreviewed);
    err_ << "saved to " << harmless(options_.out_file);
    if (open > 0)
      err_ << fmt::format(
          "; to accept the {} drifted or unreviewed: codedriftd approve --plan {} --count {} "
          "--reason \"…\"",
          open, harmless(options_.out_file), open);
    err_ << '\n' << std::flush;
  }

  const PlanOptions& options_;
  const Settings& settings_;
  const MakeApi& make_api_;
  const Clock& clock_;
  const Terminals terminals_;
  std::ostream& out_;
  std::ostream& err_;
};

}  // namespace

int run_plan(const std::vector<std::string>& args, const std::function<Settings()>& settings, const MakeApi& make_api,
             const Clock& clock, Terminals terminals, std::ostream& out, std::ostream& err) {
  const auto options = parse_plan(args, clock.wall());
  if (!options) {
    say(err, "plan", kExitUsage, options.error().message);
    err << "See: codedriftd plan --help\n" << std::flush;
    return kExitUsage;
  }
  if (!options->help.empty()) {
    out << options->help << std::flush;
    return EXIT_SUCCESS;
  }
  const Settings loaded = settings();
  try {
    return PlanCommand(*options, loaded, make_api, clock, terminals, out, err).run();
  } catch (const std::exception& error) {
    return say(err, "plan", EXIT_FAILURE, error.what());
  }
}

}  // namespace codedriftd
