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

PostgresServer::PostgresServer(Kind kind, uint16_t port) : port_(port) {
  act_as_postgres();
  run_to_end({kPrograms + "initdb", "--pgdata=" + dir_ / "data", "--username=postgres", "--auth=trust",
              "--encoding=UTF8", "--locale=C", "--no-sync"});
  dir_.write("data/pg_hba.conf",
             "local all with_password scram-sha-256\nlocal all all trust\nlocal replication all trust\n"
             "host all all 127.0.0.1/32 trust\n",
             std::filesystem::perms::owner_read | std::filesystem::perms::others_read);
  std::vector<std::string> settings;
  if (kind == Kind::quick) {
    settings = {"fsync=off",      "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB",
                "autovacuum=off", "max_connections=50",   "wal_level=minimal",      "max_wal_senders=0"};
  }
  set_command(settings);
  start();
}

PostgresServer::PostgresServer(const PostgresServer& primary, const std::string& way, uint16_t port) : port_(port) {
  act_as_postgres();
  run_to_end({kPrograms + "pg_basebackup", "--pgdata=" + dir_ / "data", "--host=" + way,
              "--port=" + std::to_string(primary.port()), "--username=postgres", "--write-recovery-conf",
              "--checkpoint=fast", "--no-sync"});
  set_command({});
  start();
}

void PostgresServer::promote() { run_to_end({kPrograms + "pg_ctl", "promote", "--wait", "--pgdata=" + dir_ / "data"}); }

void PostgresServer::act_as_postgres() {
  options_.folder = dir_.path();
  if (::geteuid() != 0) return;
  const passwd* user = ::getpwnam("postgres");
  if (user == nullptr) throw std::runtime_error("no user postgres: apt-get install postgresql-15");
  options_.as = std::pair(user->pw_uid, user->pw_gid);
  if (::chown(dir_.path().c_str(), user->pw_uid, user->pw_gid) != 0) throw std::runtime_error("chown");
}

void PostgresServer::run_to_end(std::vector<std::string> argv) const {
  ChildOptions options = options_;
  options.argv = std::move(argv);
  const RunResult ran = run(options);
  if (code_of(ran) != 0) throw std::runtime_error(options.argv.front() + ": " + ran.err);
}

/// What start() runs.
void PostgresServer::set_command(const std::vector<std::string>& settings) {
  options_.argv = {kPrograms + "postgres",
                   "-D",
                   dir_ / "data",
                   "-k",
                   dir_.path(),
                   "-p",
                   std::to_string(port()),
                   "-c",
                   port_ == 0 ? "listen_addresses=" : "listen_addresses=127.0.0.1"};
  for (const std::string& setting : settings) options_.argv.insert(options_.argv.end(), {"-c", setting});
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

void PostgresServer::crash() {
  process_->signal(SIGQUIT);
  // After five seconds it kills what is left of its children, and then ends; at times it waits on, though none is left.
  if (process_->wait(Millis{10'000})) return;
  process_->signal(SIGKILL);
  if (!process_->wait(Millis{10'000})) throw std::runtime_error("postgres does not end: " + process_->err());
}

void PostgresServer::create_database_with_roles(const std::string& database) const {
  postgres::open(place("postgres"), postgres::Access::write).execute("CREATE DATABASE " + database);
  run_roles_script(database);
}

void PostgresServer::run_roles_script(const std::string& database) const {
  const RunResult ran =
      run({.argv = {"psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", dir_.path(), "-p", std::to_string(port()), "-U",
                    "postgres", "-d", database, "-f", CODEDRIFTD_SOURCE_DIR "/config/postgres/roles.sql"}});
  if (code_of(ran) != 0) throw std::runtime_error("roles.sql: " + ran.err);
}

postgres::Place PostgresServer::place(const std::string& database) const {
  postgres::Place place;
  place.hosts = {{dir_.path(), port()}};
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
