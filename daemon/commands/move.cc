#include "commands/move.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <thread>

#include "base/print.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "commands/reach/owner.h"
#include "commands/reach/schema_owner.h"
#include "service/record_head.h"
#include "store/db/lock.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/fleet/membership.h"
#include "store/move/move.h"
#include "store/open/check_record.h"
#include "store/packages/files.h"
#include "store/packages/packages.h"
#include "store/record/facts.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kMoveUsage = R"(codedriftd [--config FILE] move --from sqlite --to postgres [--user ROLE]
    [--password-file FILE]
codedriftd [--config FILE] move --from postgres --to sqlite [--user ROLE]
    [--password-file FILE]

Moves the whole record from the file in state_dir (sqlite) to the server of
[store] url (postgres), or back. Stop all daemons of it first: while one uses
the file or the server, it is refused. The target must hold no record; its
schema is made where there is none.

Before anything counts, all of it is read again from the target: as many rows
of each table, the same digest over them, and of each event its number and the
leaf hash of its body. If anything differs, nothing is left there, and the
record stays where it was.

Where it was it stays readable, and out of the way: the file as
codedriftd.db.moved-DATE, on the server with a mark that daemons refuse. Root
does it as the owner of state_dir.

)";

constexpr std::string_view kMoveAfter = R"(
Exit code: 0 moved and verified; 1 not, or what follows it failed, as is said;
64 wrong usage; 78 wrong configuration.
)";

struct Order {
  bool to_server = false;
  std::string user, password_file;
};

[[noreturn]] void fail(const std::string& words) { throw std::runtime_error(words); }
void need(const Checked& checked) {
  if (!checked) fail(checked.error().message);
}

/// As who the service is, whose files these are, and as the only one.
StateLock take_folder(const Settings& settings) {
  need(become_owner(settings.state_dir));
  ::umask(027);
  auto lock = StateLock::take(settings.lock_file());
  if (!lock) fail(lock.error().message);
  return std::move(*lock);
}

RecordHead head_of(Database& db) {
  auto head = record_head::of(db, facts::read(db, "log_origin").value_or(""));
  if (!head) fail(fmt::format("{}: holds no event: there is nothing to move", db.name()));
  return *head;
}

void tell(std::ostream& out, const move::Moved& moved, const std::string& from, const std::string& to, Millis took) {
  print(out, "{} -> {}: {} rows of {} tables, {} events, the last with number {}\n", from, to, moved.rows, moved.tables,
        moved.events, moved.events - 1);
  print(out,
        "verified in the target: the rows of each table, a digest over them, each event's number and leaf hash; "
        "{:.1f} s\n",
        std::chrono::duration<double>(took).count());
}

// ---- The server ---------------------------------------------------------------------------------------------------

void check_nobody_lives(Database& server) {
  std::vector<std::string> living;
  for (const Member& member : Membership::members(server)) {
    if (!member.host.empty() && member.silent < Membership::kTimeToLive)
      living.push_back(fmt::format("{} ({} s ago)", member.host, member.silent.count() / 1000));
  }
  if (!living.empty())
    fail(
        fmt::format("{}: daemons use it that were alive a moment ago: {}; stop them first. One that was killed counts "
                    "as alive for {} s",
                    server.name(), fmt::join(living, ", "), Membership::kTimeToLive.count() / 1000));
}

/// In a transaction: nobody joins until it ends, and no member writes.
void lock_members(Database& server) {
  try {
    server.execute("LOCK TABLE daemon_run IN EXCLUSIVE MODE");
  } catch (const StoreError& error) {
    if (!error.busy()) throw;
    fail(fmt::format("{}: somebody writes to it: stop all daemons first ({})", server.name(), error.what()));
  }
}

void check_empty(Database& server) {
  const std::string contents = move::contents(server);
  if (contents.empty()) return;
  if (check_schema(server)) check_nobody_lives(server);
  fail(fmt::format("{}: has a record already ({}); a record is moved to a database that has none", server.name(),
                   contents));
}

/// The COMMIT was sent, and its answer did not come. The lock waits for a session that still works at it.
bool is_committed(Database& server) {
  constexpr Millis kAtMost{60'000}, kPause{500};
  const SystemClock clock;
  for (const MonoTime until = clock.mono() + kAtMost;; std::this_thread::sleep_for(kPause)) {
    try {
      server.begin_write();
      server.execute("LOCK TABLE daemon_run IN EXCLUSIVE MODE");
      const bool there = !move::contents(server).empty();
      server.rollback();
      return there;
    } catch (const StoreError& error) {
      server.rollback();
      if (!error.passing() || clock.mono() >= until) throw;
    }
  }
}

void commit(Database& server) {
  try {
    server.commit();
  } catch (const StoreError& doubt) {
    if (doubt.kind() != StoreError::Kind::in_doubt) throw;
    bool there = false;
    try {
      there = is_committed(server);
    } catch (const StoreError& error) {
      fail(
          fmt::format("{}; whether the record is there could not be asked ({}): start no daemon before the same move, "
                      "once more, has said so",
                      doubt.what(), error.what()));
    }
    if (!there) throw;
  }
}

// ---- From the file to the server ----------------------------------------------------------------------------------

void prepare_server(Database& server, const Clock& clock) {
  check_empty(server);
  auto migrated = migrate(server, embedded_migrations(Engine::postgres), clock.wall());
  if (!migrated) fail(migrated.error().message);
}

/// A server ends a session that waits in a transaction for long, and this one waits for a file.
void let_wait(Database& server) { server.execute("SET idle_in_transaction_session_timeout = '1h'"); }

int64_t kept_packages(Database& db) {
  auto row = db.query("SELECT count(*) FROM package WHERE kept = 1");
  return row.step() ? row.integer(0) : 0;
}

void move_to_server(const Settings& settings, Database server, const Clock& clock, std::ostream& out) {
  const MonoTime begun = clock.mono();
  StateLock lock = take_folder(settings);
  const std::string path = settings.database();
  if (!std::filesystem::exists(path)) fail(fmt::format("{}: there is no such file, and no record to move", path));
  move::Moved moved;
  RecordHead head;
  int64_t kept = 0;
  {
    Database file = lock.open_writer(path);
    if (auto current = check_schema(file); !current)
      fail(current.error().message + " (for the file, with a configuration without [store])");
    head = head_of(file);
    prepare_server(server, clock);
    let_wait(server);
    file.begin_read();
    server.begin_write();
    lock_members(server);
    check_empty(server);
    moved = move::copy_record(file, server);
    kept = kept_packages(file);
    file.commit();
    commit(server);
    file.checkpoint(true);
  }
  const std::string away = free_name(fmt::format("{}.moved-{}", path, rfc3339(clock.wall()).substr(0, 10)));
  try {
    record_head::write(settings.head_file_of(true), head);
    sqlite::move_away(path, away);
  } catch (const std::exception& error) {
    fail(
        fmt::format("{}; the record is in {}, complete and verified, but its file still stands at {}: rename it, and "
                    "remove {}, before a daemon is started",
                    error.what(), server.name(), path, settings.head_file_of(true)));
  }
  tell(out, moved, path, server.name(), std::chrono::duration_cast<Millis>(clock.mono() - begun));
  if (kept > 0)
    print(out, "{} packages that were kept whole stay in {}: a server keeps none\n", kept, settings.packages_folder());
  print(out, "the file is {} now, as no daemon may go on with it; start the service, which has [store] url\n", away);
}

// ---- From the server to the file ----------------------------------------------------------------------------------

void check_file_is_free(const StateLock& lock, const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(path))) {
    const std::string wal = path + "-wal";
    if (fs::file_size(wal, ignored) > 0 && !ignored)
      fail(fmt::format("{}: belongs to a database that is not there any more; move it away", wal));
    return;
  }
  if (fs::is_regular_file(fs::symlink_status(path)) && fs::file_size(path, ignored) == 0) return;
  Database db = sqlite::open_reader(path);
  need(check_owner(db));
  if (const std::string contents = move::contents(db); !contents.empty())
    fail(
        fmt::format("{}: has a record already ({}); move it away, with its -wal and -shm, if another one is to take "
                    "its place",
                    path, contents));
  if (!lock.in_place()) fail(fmt::format("{}: was replaced meanwhile", path));
}

/// On the server, as one moment that nobody changes until the transaction ends.
void begin_leaving(Database& server) {
  let_wait(server);
  server.begin_write();
  server.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  lock_members(server);
  check_nobody_lives(server);
}

/// Daemons refuse it from the commit on; one that is paused, and not dead, does not pass the fence.
void mark_as_moved(Database& server, const std::string& path, WallTime now) {
  facts::write(server, kMovedTo, fmt::format("{}, at {}", path, rfc3339(now)));
  server.execute("UPDATE daemon_run SET fenced_by = id WHERE stopped_at_ms IS NULL AND fenced_by IS NULL");
}

/// What was kept whole before the record went to a server, and is still there, is so again. How many packages.
int mark_kept(Database& db, const std::string& folder) {
  const auto opened = PackageFolder::open(folder);
  if (!opened) return 0;
  const auto files = opened->list();
  if (!files) fail(files.error().message);
  int marked = 0;
  for (const Sha256& code : *files) {
    if (!db.query("SELECT 1 FROM package WHERE sha256 = ? AND state IN ('examined', 'ambiguous')", code).step())
      continue;
    packages::set_kept(db, code);
    ++marked;
  }
  return marked;
}

/// A file that is being filled; gone with this object, unless it was put in place.
class NewFile {
 public:
  explicit NewFile(std::string path) : path_(std::move(path)) { sqlite::remove(path_); }
  NewFile(const NewFile&) = delete;
  ~NewFile() { sqlite::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void move_to_file(const Settings& settings, Database server, const Clock& clock, std::ostream& out) {
  const MonoTime begun = clock.mono();
  need(check_schema(server));
  need(check_not_moved(server));
  StateLock lock = take_folder(settings);
  const std::string path = settings.database();
  need(lock.mark(path));
  check_file_is_free(lock, path);
  begin_leaving(server);
  const RecordHead head = head_of(server);
  const NewFile fresh(path + ".moving");
  move::Moved moved;
  int kept = 0;
  {
    Database file = sqlite::open_writer(fresh.path());
    auto migrated = migrate(file, embedded_migrations(), clock.wall());
    if (!migrated) fail(migrated.error().message);
    sqlite::load_quickly(file);
    file.begin_write();
    moved = move::copy_record(server, file);
    kept = mark_kept(file, settings.packages_folder());
    sqlite::check_whole(file);
    file.commit();
  }
  mark_as_moved(server, path, clock.wall());
  sqlite::remove(path);
  sqlite::put_in_place(fresh.path(), path);
  try {
    record_head::write(settings.head_file_of(false), head);
    server.commit();
  } catch (const std::exception& error) {
    fail(fmt::format(
        "{}; the record is in {}, complete and verified, but the server's may not be marked as moved, or {} "
        "not be of this record: let no daemon use the server, and remove that file",
        error.what(), path, settings.head_file_of(false)));
  }
  tell(out, moved, server.name(), path, std::chrono::duration_cast<Millis>(clock.mono() - begun));
  if (kept > 0) print(out, "{} packages in {} are kept whole\n", kept, settings.packages_folder());
  print(out,
        "the server's record stays, marked as moved: daemons refuse it; take [store] out of the configuration, and "
        "start the service\n");
}

bool is_server(const po::variables_map& values, const char* option) {
  const std::string where = text_option(values, option);
  if (where == "postgres") return true;
  if (where == "sqlite") return false;
  throw UsageError(where.empty() ? fmt::format("move needs --{}: sqlite or postgres", option)
                                 : fmt::format("--{} {}: a record is in sqlite or in postgres", option, where));
}

}  // namespace

int run_move(const std::vector<std::string>& args, const std::function<Settings()>& settings, const Clock& clock,
             std::ostream& out, std::ostream& err) {
  Order order;
  po::options_description options("Options");
  auto add = options.add_options();
  add("from", po::value<std::string>()->value_name("WHERE"), "where the record is: sqlite or postgres");
  add("to", po::value<std::string>()->value_name("WHERE"), "where it is to be: the other one");
  add("user", po::value(&order.user)->value_name("ROLE"),
      "the role to log in as, a member of codedriftd_owner (default: who psql would log in as)");
  add("password-file", po::value(&order.password_file)->value_name("FILE"),
      "a file that holds its password (default: none, or what libpq finds, such as ~/.pgpass)");
  po::variables_map values;
  if (!read_options(args, kMoveUsage, kMoveAfter, options, nullptr, values, out)) return EXIT_SUCCESS;
  order.to_server = is_server(values, "to");
  if (is_server(values, "from") == order.to_server)
    throw UsageError("--from and --to name the same: a record is moved from sqlite to postgres, or back");
  const Settings given = settings();
  try {
    if (!given.store.server)
      fail(
          "the configuration has no [store] url: while a record is moved it names both places, [store] url and "
          "state_dir");
    Database server = open_as_schema_owner(given.store, order.user, order.password_file);
    if (order.to_server) {
      move_to_server(given, std::move(server), clock, out);
    } else {
      move_to_file(given, std::move(server), clock, out);
    }
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    return say(err, "move", EXIT_FAILURE, error.what());
  }
}

}  // namespace codedriftd
