#include "commands/adopt.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <istream>
#include <ostream>

#include "actions/caller.h"
#include "base/json.h"
#include "base/print.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "commands/reach/owner.h"
#include "commands/reach/reading.h"
#include "service/alert_setup.h"
#include "service/record_head.h"
#include "service/stay.h"
#include "store/db/writer.h"
#include "store/fleet/membership.h"
#include "store/ledger/ledger.h"
#include "store/open/check_record.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kAdoptUsage = R"(codedriftd [--config FILE] adopt --rolled-back [--yes]

Goes on with a record on a server ([store] url) that lacks events which the
server had acknowledged: a replica that was behind has taken over, or a backup
was restored. Daemons that were told of these events wait then
(store.rolled_back in the log of the service), and write nothing.

Look first: if the server that has the events can be brought back, that is
better, and the daemons go on by themselves. What is lost here is shown, and
asked for, before it is adopted. Then the range is an event of the record
(store.rolled_back), and the daemons go on within seconds, those of other hosts
that were told of no more than that, too. What was accepted or announced in
these events is to be accepted or announced again.

Root does it as the owner of state_dir, where codedriftd.head says what this
host was told last.

)";

constexpr std::string_view kAdoptAfter = R"(
Exit code: 0 adopted, or nothing is lost; 1 not adopted; 64 wrong usage; 78
wrong configuration.
)";

/// As who the service is, whose files these are.
void go_on_as_owner(const std::string& folder) {
  if (auto owner = become_owner(folder); !owner) throw std::runtime_error(owner.error().message);
  struct stat info {};
  if (::stat(folder.c_str(), &info) == 0 && info.st_uid != ::geteuid())
    throw std::runtime_error(
        fmt::format("only root and the owner of {} ({}) may do this", folder, actor_of(info.st_uid)));
}

Database open_for_adoption(const StoreSettings& store) {
  Database db = postgres::open(place_of(store), postgres::Access::write);
  if (auto good = check_schema(db); !good) throw std::runtime_error(good.error().message);
  if (auto here = check_not_moved(db); !here) throw std::runtime_error(here.error().message);
  if (const std::string trouble = session_trouble(db); !trouble.empty()) throw std::runtime_error(trouble);
  return db;
}

/// Says in the record what of `known` is lost, as a member of the fleet for that one transaction. Nullopt: another
/// operator was faster.
std::optional<RecordHead> adopt_without(const RecordHead& known, Database db, const Settings& settings,
                                        const Caller& caller, const Clock& host_clock) {
  FleetClock clock(host_clock);
  Claims claims(clock);
  Membership member(settings.instance + "/adopt", "", clock, claims, Membership::Writers::one_at_a_time);
  member.join(db);
  Ledger ledger(stay::name_of(settings), stay::origin_of(db, settings));
  ledger.set_routes(routes_of(settings));
  Writer::Options options;
  options.fence = &member;
  Writer writer(std::move(db), clock, options);
  std::optional<RecordHead> head;
  writer.run([&](Tx& tx) {
    head.reset();
    if (auto lost = record_head::rolled_back(tx.db, known)) {
      const WallTime now = clock.wall();
      stay::begin_log_if_empty(tx, ledger, now);
      lost->actor = caller.actor;
      if (!caller.claimed.empty()) (*lost->data)["claimed"] = caller.claimed;
      const LoggedEvent logged = ledger.append(tx, *lost, now);
      head = RecordHead{ledger.origin(), logged.seq, logged.id, logged.time};
    }
    member.leave(tx.db);
  });
  return head;
}

bool wants_to_adopt(const ReconcileContext& context, const po::variables_map& values) {
  if (values.contains("yes")) return true;
  if (!context.terminal) throw UsageError("nobody is at the terminal to be asked; --yes adopts without");
  print(context.out, "Go on without? Only \"yes\" does: ");
  context.out << std::flush;
  std::string answer;
  std::getline(context.in, answer);
  return answer == "yes";
}

int adopt_rolled_back(const Settings& settings, const ReconcileContext& context, const po::variables_map& values) {
  const Caller caller = this_caller();  // before it becomes the owner
  go_on_as_owner(settings.state_dir);
  const auto known = record_head::read(settings.head_file());
  if (!known)
    return say(context.err, "adopt", EXIT_FAILURE,
               fmt::format("{}: does not say what this host was told last; ask on a host whose daemon waits",
                           settings.head_file()));
  Database db = open_for_adoption(settings.store);
  const std::string name = db.name();
  const auto lost = record_head::rolled_back(db, *known);
  if (!lost) {
    print(context.out, "{}: nothing that this host was told of is lost\n", name);
    return EXIT_SUCCESS;
  }
  print(context.out, "{}: {}\n", name, lost->facts.summary);
  if (!wants_to_adopt(context, values)) return say(context.err, "adopt", EXIT_FAILURE, "nothing was adopted");
  const auto head = adopt_without(*known, std::move(db), settings, caller, context.clock);
  if (!head) {
    print(context.out, "somebody else has adopted it meanwhile\n");
    return EXIT_SUCCESS;
  }
  record_head::write(settings.head_file(), *head);
  print(context.out, "adopted: event {} of the record says so, and the daemons go on\n", head->seq);
  return EXIT_SUCCESS;
}

}  // namespace

int run_adopt(const std::vector<std::string>& args, const ReconcileContext& context) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("rolled-back", "go on with a record that lacks what its server had acknowledged");
  add("yes", "do not ask; needed where nobody is at the terminal");
  po::variables_map values;
  if (!read_options(args, kAdoptUsage, kAdoptAfter, options, nullptr, values, context.out)) return EXIT_SUCCESS;
  if (!values.contains("rolled-back")) throw UsageError("adopt needs --rolled-back: it says what is adopted");
  const Settings settings = context.settings();
  if (!settings.store.server)
    return say(context.err, "adopt", EXIT_FAILURE,
               "the record is a file: a daemon goes on with one that was restored by itself (record.restored)");
  try {
    return adopt_rolled_back(settings, context, values);
  } catch (const StoreError& error) {
    return say(context.err, "adopt", EXIT_FAILURE, explain_unreadable(settings, error));
  }
}

}  // namespace codedriftd
