#include "commands/adopt.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <istream>
#include <ostream>

#include "actions/caller.h"
#include "base/json.h"
#include "base/print.h"
#include "base/text.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "commands/reach/owner.h"
#include "commands/reach/reading.h"
#include "service/alert_setup.h"
#include "service/record_head.h"
#include "service/stay.h"
#include "settings/digest.h"
#include "store/db/writer.h"
#include "store/fleet/generations.h"
#include "store/fleet/membership.h"
#include "store/ledger/ledger.h"
#include "store/open/check_record.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kAdoptUsage = R"(codedriftd [--config FILE] adopt --rolled-back [--yes]
codedriftd [--config FILE] adopt --config [--yes]

--rolled-back goes on with a record on a server ([store] url) that lacks events
which the server had acknowledged: a replica that was behind has taken over, or
a backup was restored. Daemons that were told of these events wait then
(store.rolled_back in the log of the service), and write nothing.

Look first: if the server that has the events can be brought back, that is
better, and the daemons go on by themselves. What is lost here is shown, and
asked for, before it is adopted. Then the range is an event of the record
(store.rolled_back), and the daemons go on within seconds, those of other hosts
that were told of no more than that, too. What was accepted or announced in
these events is to be accepted or announced again.

--config makes the configuration of this host the next generation of the
fleet's. Each host's daemon takes work by the generation that counts alone; one
whose file was replaced by a newer one stands by (config.outdated), so that a
host with last week's file undoes nothing. This is for when last week's file is
the right one after all. The others stand by then, until theirs says the same
and is reloaded.

Root does it as the owner of state_dir, where codedriftd.head.server says what
this host was told last.

)";

constexpr std::string_view kAdoptAfter = R"(
Exit code: 0 adopted, or there was nothing to adopt; 1 not adopted; 64 wrong
usage; 78 wrong configuration.
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

/// One transaction, as a member of the fleet for no longer.
void as_member(Database db, const Settings& settings, const Clock& host_clock,
               const std::function<void(Tx&, Ledger&, WallTime)>& work) {
  FleetClock clock(host_clock);
  Claims claims(clock);
  Membership member(settings.instance + "/adopt", "", clock, claims, Membership::Writers::one_at_a_time);
  member.join(db);
  Ledger ledger(stay::name_of(settings), stay::origin_of(db, settings));
  ledger.set_routes(routes_of(settings));
  Writer::Options options;
  options.fence = &member;
  Writer writer(std::move(db), clock, options);
  writer.run([&](Tx& tx) {
    work(tx, ledger, clock.wall());
    member.leave(tx.db);
  });
}

LoggedEvent append_by(const Caller& caller, NewEvent event, Tx& tx, Ledger& ledger, WallTime now) {
  stay::begin_log_if_empty(tx, ledger, now);
  event.actor = caller.actor;
  if (!caller.claimed.empty()) (*event.data)["claimed"] = caller.claimed;
  return ledger.append(tx, event, now);
}

/// Says in the record what of `known` is lost. Nullopt: another operator was faster.
std::optional<RecordHead> adopt_without(const RecordHead& known, Database db, const Settings& settings,
                                        const Caller& caller, const Clock& host_clock) {
  std::optional<RecordHead> head;
  as_member(std::move(db), settings, host_clock, [&](Tx& tx, Ledger& ledger, WallTime now) {
    head.reset();
    if (auto lost = record_head::rolled_back(tx.db, known)) {
      const LoggedEvent logged = append_by(caller, std::move(*lost), tx, ledger, now);
      head = RecordHead{ledger.origin(), logged.seq, logged.id, logged.time};
    }
  });
  return head;
}

/// Nullopt: it is the one that counts.
std::optional<Generation> make_next(const std::string& digest, Database db, const Settings& settings,
                                    const Caller& caller, const Clock& host_clock) {
  std::optional<Generation> next;
  as_member(std::move(db), settings, host_clock, [&](Tx& tx, Ledger& ledger, WallTime now) {
    next.reset();
    if (generations::standing_of(tx.db, digest) == generations::Standing::current) return;
    next = generations::adopt(tx.db, digest, caller.actor, now);
    NewEvent loaded;
    loaded.kind = "config.loaded";
    loaded.data = Json{
        {"generation", next->number}, {"digest", digest}, {"host", settings.instance}, {"adopted_by", caller.actor}};
    loaded.facts.summary =
        fmt::format("{} made the configuration of {} ({}) generation {} of the fleet's, which counts from now on.",
                    caller.actor, settings.instance, short_digest(digest), next->number);
    append_by(caller, std::move(loaded), tx, ledger, now);
  });
  return next;
}

bool wants_to_adopt(const ReconcileContext& context, const po::variables_map& values, std::string_view question) {
  if (values.contains("yes")) return true;
  if (!context.terminal) throw UsageError("nobody is at the terminal to be asked; --yes adopts without");
  print(context.out, "{} Only \"yes\" does: ", question);
  context.out << std::flush;
  std::string answer;
  std::getline(context.in, answer);
  return answer == "yes";
}

int adopt_rolled_back(const Settings& settings, const ReconcileContext& context, const po::variables_map& values) {
  const Caller caller = this_caller(settings.instance);  // before it becomes the owner
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
  if (!wants_to_adopt(context, values, "Go on without?"))
    return say(context.err, "adopt", EXIT_FAILURE, "nothing was adopted");
  const auto head = adopt_without(*known, std::move(db), settings, caller, context.clock);
  if (!head) {
    print(context.out, "somebody else has adopted it meanwhile\n");
    return EXIT_SUCCESS;
  }
  record_head::write(settings.head_file(), *head);
  print(context.out, "adopted: event {} of the record says so, and the daemons go on\n", head->seq);
  return EXIT_SUCCESS;
}

int adopt_config(const Settings& settings, const ReconcileContext& context, const po::variables_map& values) {
  const Caller caller = this_caller(settings.instance);  // before it becomes the owner
  go_on_as_owner(settings.state_dir);
  const std::string digest = work_digest(settings);
  Database db = open_for_adoption(settings.store);
  const std::string name = db.name();
  const auto counts = generations::current(db);
  if (counts && counts->digest == digest) {
    print(context.out, "{}: this configuration ({}) counts already, as generation {}\n", name, short_digest(digest),
          counts->number);
    return EXIT_SUCCESS;
  }
  if (counts) {
    print(context.out, "{}: generation {} ({}), which {} brought at {}, counts now; that of {} is {}\n", name,
          counts->number, short_digest(counts->digest), harmless(counts->adopted_by), rfc3339(counts->adopted_at),
          settings.file, short_digest(digest));
  }
  if (!wants_to_adopt(context, values, "Shall this host's count for the whole fleet?"))
    return say(context.err, "adopt", EXIT_FAILURE, "nothing was adopted");
  const auto next = make_next(digest, std::move(db), settings, caller, context.clock);
  if (!next) {
    print(context.out, "somebody else has adopted the same meanwhile\n");
    return EXIT_SUCCESS;
  }
  print(context.out,
        "adopted: it is generation {}, and daemons that have loaded it take part within seconds (one that has not: "
        "codedriftd reload)\n",
        next->number);
  return EXIT_SUCCESS;
}

}  // namespace

int run_adopt(const std::vector<std::string>& args, const ReconcileContext& context) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("rolled-back", "go on with a record that lacks what its server had acknowledged");
  add("config", "make this host's configuration the one that counts in its fleet");
  add("yes", "do not ask; needed where nobody is at the terminal");
  po::variables_map values;
  if (!read_options(args, kAdoptUsage, kAdoptAfter, options, nullptr, values, context.out)) return EXIT_SUCCESS;
  if (values.contains("rolled-back") == values.contains("config"))
    throw UsageError("adopt needs --rolled-back or --config: it says what is adopted");
  const Settings settings = context.settings();
  if (!settings.store.server)
    return say(context.err, "adopt", EXIT_FAILURE,
               values.contains("config")
                   ? "the record is a file: one daemon writes to it, and its configuration is the one that counts"
                   : "the record is a file: a daemon goes on with one that was restored by itself (record.restored)");
  try {
    return values.contains("config") ? adopt_config(settings, context, values)
                                     : adopt_rolled_back(settings, context, values);
  } catch (const StoreError& error) {
    return say(context.err, "adopt", EXIT_FAILURE, explain_unreadable(settings, error));
  }
}

}  // namespace codedriftd
