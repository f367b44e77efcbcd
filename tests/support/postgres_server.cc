#include "support/postgres_server.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

namespace codedriftd::test {
namespace {

const std::string kPrograms = "/usr/lib/postgresql/15/bin/";

}  // namespace

PostgresServer::PostgresServer(Kind kind) {
  ChildOptions& options = options_;
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam("postgres");
    if (user == nullptr) throw std::runtime_error("no user postgres: apt-get install postgresql-15");
    options.as = std::pair(user->pw_uid, user->pw_gid);
    if (::chown(dir_.path().c_str(), user->pw_uid, user->pw_gid) != 0) throw std::runtime_error("chown");
  }
  const std::string data = dir_ / "data";
  options.argv = {kPrograms + "initdb", "--pgdata=" + data, "--username=postgres", "--auth=trust", "--encoding=UTF8",
                  "--locale=C",         "--no-sync"};
  options.folder = dir_.path();
  const RunResult made = run(options);
  if (code_of(made) != 0) throw std::runtime_error("initdb: " + made.err);
  dir_.write("data/pg_hba.conf", "local all with_password scram-sha-256\nlocal all all trust\n",
             std::filesystem::perms::owner_read | std::filesystem::perms::others_read);
  options.argv = {kPrograms + "postgres", "-D", data, "-k", dir_.path()};
  std::vector<const char*> settings{"listen_addresses="};
  if (kind == Kind::quick) {
    settings.insert(settings.end(),
                    {"fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB",
                     "autovacuum=off", "max_connections=50", "wal_level=minimal", "max_wal_senders=0"});
  }
  for (const char* setting : settings) options.argv.insert(options.argv.end(), {"-c", setting});
  start();
}

void PostgresServer::start() {
  process_ = std::make_unique<Child>(options_);
  if (!process_->wait_for_output("ready to accept", Millis{30'000}))
    throw std::runtime_error("postgres does not start: " + process_->err());
}

void PostgresServer::become_standby() {
  process_->signal(SIGINT);
  if (!process_->wait(Millis{30'000})) throw std::runtime_error("postgres does not end");
  dir_.write("data/standby.signal", "", std::filesystem::perms::owner_read | std::filesystem::perms::others_read);
  start();
}

void PostgresServer::create_database_with_roles(const std::string& database) const {
  postgres::open(place("postgres"), postgres::Access::write).execute("CREATE DATABASE " + database);
  run_roles_script(database);
}

void PostgresServer::run_roles_script(const std::string& database) const {
  const RunResult ran = run({.argv = {"psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", dir_.path(), "-U", "postgres", "-d",
                                      database, "-f", CODEDRIFTD_SOURCE_DIR "/config/postgres/roles.sql"}});
  if (code_of(ran) != 0) throw std::runtime_error("roles.sql: " + ran.err);
}

postgres::Place PostgresServer::place(const std::string& database) const {
  postgres::Place place;
  place.hosts = {{dir_.path(), 5432}};
  place.database = database;
  place.user = "postgres";
  place.tls = "";
  place.deadline = Millis{30'000};
  return place;
}

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

}  // namespace codedriftd::test
