#include "store/db/postgres_session.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace codedriftd::postgres {
namespace {

using Kind = StoreError::Kind;

/// How often a wait asks whether to give up.
constexpr Millis kSlice{50};

/// By the server's code (PostgreSQL 15, appendix A).
Kind kind_of(std::string_view state) {
  static constexpr std::pair<std::string_view, Kind> kKinds[] = {
      {"40001", Kind::busy},        {"40P01", Kind::busy},        {"55P03", Kind::busy},
      {"53100", Kind::full},        {"25006", Kind::readonly},    {"42501", Kind::readonly},
      {"53200", Kind::memory},      {"53300", Kind::unavailable}, {"57P01", Kind::unavailable},
      {"57P02", Kind::unavailable}, {"57P03", Kind::unavailable}, {"25P03", Kind::unavailable},
      {"57P05", Kind::unavailable}, {"58030", Kind::io},          {"XX001", Kind::corrupt},
      {"XX002", Kind::corrupt},     {"3D000", Kind::cannot_open},
  };
  for (const auto& [code, kind] : kKinds) {
    if (state == code) return kind;
  }
  if (state.starts_with("23")) return Kind::constraint;
  if (state.starts_with("08")) return Kind::unavailable;
  if (state.starts_with("28")) return Kind::cannot_open;
  return Kind::other;
}

/// Why no connection came about: libpq tells no code then. Who answered at all refused, unless it is for the moment.
Kind kind_of_refusal(std::string_view words) {
  for (const std::string_view passing :
       {"starting up", "shutting down", "in recovery", "not yet accepting", "too many"}) {
    if (words.find(passing) != std::string_view::npos) return Kind::unavailable;
  }
  return words.find("FATAL") != std::string_view::npos ? Kind::cannot_open : Kind::unavailable;
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

/// What libpq wants of parameters: arrays, one for each of their sides.
struct Arrays {
  explicit Arrays(const std::vector<Parameter>& parameters) {
    for (const Parameter& each : parameters) {
      types.push_back(each.type);
      values.push_back(each.null ? nullptr : each.bytes.data());
      lengths.push_back(static_cast<int>(each.bytes.size()));
      formats.push_back(1);
    }
  }
  int size() const { return static_cast<int>(types.size()); }
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
};

}  // namespace

Place Place::clone() const {
  return {hosts,       database, user, password.clone(), tls,     ca_file,
          certificate, key,      role, deadline,         lineage, statement_limit};
}

void Lineage::check(const Server& now, const std::string& name) {
  Locked seen(seen_);
  if (!seen->system.empty() && now.system != seen->system) {
    throw StoreError(Kind::cannot_open,
                     fmt::format("{}: is another server (system {}) than the one that was written to before (system "
                                 "{}): not its copy, but made anew or restored from a dump",
                                 name, now.system, seen->system));
  }
  if (now.timeline < seen->timeline) {
    throw StoreError(Kind::cannot_open,
                     fmt::format("{}: is an old primary that came back (timeline {}), and a newer one was written to "
                                 "(timeline {}): stop it, or make it a standby of the newer one",
                                 name, now.timeline, seen->timeline));
  }
  *seen = now;
}

std::string Place::name() const {
  std::string list;
  for (const Host& host : hosts) list += fmt::format("{}{}:{}", list.empty() ? "" : ",", host.name, host.port);
  return fmt::format("postgresql://{}/{}", list, database);
}

Session::Session(Place place, Access access) : place_(std::move(place)), access_(access), name_(place_.name()) {}

Session::~Session() { close(); }

void Session::close() { PQfinish(std::exchange(connection_, nullptr)); }

void Session::connect() {
  close();
  // One after the other, each with its own time: libpq, which can take a list, has none between the hosts of one.
  std::vector<const char*> wanted{"read-write"};
  if (access_ == Access::read_current) wanted = {"primary"};
  if (access_ == Access::read) wanted = place_.hosts.size() > 1 ? std::vector{"standby", "any"} : std::vector{"any"};
  std::string words;
  Kind kind = Kind::cannot_open;
  for (const char* attributes : wanted) {
    for (const Host& host : place_.hosts) {
      try {
        return connect(host, attributes);
      } catch (const StoreError& error) {
        if (error.given_up()) throw;
        if (error.kind() != Kind::cannot_open) kind = error.kind();  // it may be there later
        words += (words.empty() ? "" : "; ") + std::string(error.what());
      }
    }
  }
  throw StoreError(kind, words);
}

void Session::connect(const Host& host, const char* attributes) {
  const std::string port = std::to_string(host.port);
  // A session that is cut off in the middle of a transaction holds its locks no longer than this; a report may take its
  // time. The server notices a client that went away while it works.
  const std::string options = fmt::format(
      "-c search_path={} -c idle_in_transaction_session_timeout={} -c lock_timeout=4000 -c statement_timeout={} -c "
      "client_connection_check_interval=1000{}{}{}",
      kSchema, access_ == Access::write ? 5'000 : 60'000,
      place_.statement_limit.value_or(access_ == Access::write ? Millis{30'000} : Millis{60'000}).count(),
      access_ == Access::write ? "" : " -c default_transaction_read_only=on",
      place_.role.empty() ? "" : " -c role=", place_.role);
  std::string password(place_.password.reveal());
  const std::vector<std::pair<const char*, const char*>> keywords{
      {"host", host.name.c_str()},
      {"port", port.c_str()},
      {"dbname", place_.database.c_str()},
      {"user", place_.user.c_str()},
      {"password", password.empty() ? nullptr : password.c_str()},
      {"sslmode", place_.tls.c_str()},
      {"sslrootcert", place_.ca_file.c_str()},
      {"sslcert", place_.certificate.c_str()},
      {"sslkey", place_.key.c_str()},
      {"gssencmode", "disable"},
      {"application_name", "codedriftd"},
      {"client_encoding", "UTF8"},
      {"options", options.c_str()},
      {"target_session_attrs", attributes},
      {"tcp_user_timeout", "5000"},
      {"keepalives_idle", "5"},
      {"keepalives_interval", "2"},
      {"keepalives_count", "3"},
  };
  std::vector<const char*> names, values;
  for (const auto& [name, value] : keywords) {
    if (value == nullptr || *value == '\0') continue;
    names.push_back(name);
    values.push_back(value);
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectStartParams(names.data(), values.data(), 0);
  wipe(password);
  if (connection_ == nullptr) throw StoreError(Kind::memory, name_ + ": no memory for a connection");
  PQsetNoticeReceiver(connection_, note, this);
  const MonoTime until = SystemClock{}.mono() + place_.deadline;
  for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;
       state = PQconnectPoll(connection_)) {
    if (PQstatus(connection_) == CONNECTION_BAD || state == PGRES_POLLING_FAILED)
      lose(kind_of_refusal(words()), words(), "connect");
    if (!ready(state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until, "connect")) {
      lose(Kind::unavailable,
           fmt::format("{}:{} did not answer within {} ms", host.name, host.port, place_.deadline.count()), "connect");
    }
  }
  if (PQsetnonblocking(connection_, 1) != 0) lose(Kind::unavailable, words(), "connect");
  ++number_;
  if (access_ == Access::write) check_server(host);
}

void Session::check_server(const Host& host) {
  // Whatever is set for the server, the role or the database: what COMMIT returned from is on disk.
  const ResultPtr server = run_script(
      "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; "
      "SELECT system_identifier, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) FROM pg_control_system()");
  const std::string_view timeline = PQgetvalue(server.get(), 0, 1);
  Lineage::Server now{PQgetvalue(server.get(), 0, 0), 0};
  std::from_chars(timeline.data(), timeline.data() + timeline.size(), now.timeline, 16);
  try {
    place_.lineage->check(now, fmt::format("{} ({}:{})", name_, host.name, host.port));
  } catch (const StoreError&) {
    close();
    throw;
  }
}

void Session::note(void* self, const PGresult* notice) {
  const std::string severity = field(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity != "WARNING") return;
  auto& session = *static_cast<Session*>(self);
  session.warned_ = true;
  session.warning_ = field(notice, PG_DIAG_MESSAGE_PRIMARY);
}

bool Session::ready(short events, MonoTime until, std::string_view sql) {
  for (;;) {
    if (over_ != nullptr && (*over_)()) lose(Kind::given_up, "given up", sql);
    const auto left = std::chrono::ceil<Millis>(until - SystemClock{}.mono());
    if (left <= Millis{0}) return false;
    pollfd socket{PQsocket(connection_), events, 0};
    const auto slice = over_ != nullptr ? std::min(left, kSlice) : left;
    if (::poll(&socket, 1, static_cast<int>(slice.count())) > 0) return true;
  }
}

/// For silence: an answer that keeps coming may take longer. A reader waits until the server's own limit for a
/// statement is over.
Millis Session::patience() const {
  if (place_.statement_limit) return *place_.statement_limit + Millis{5'000};
  return access_ == Access::write ? place_.deadline : std::max(place_.deadline, Millis{65'000});
}

void Session::wait(std::string_view sql, Kind if_late) {
  MonoTime until = SystemClock{}.mono() + patience();
  for (;;) {
    const int unsent = PQflush(connection_);
    if (unsent < 0) lose(if_late, words(), sql);
    if (unsent == 0 && PQisBusy(connection_) == 0) return;
    if (!ready(static_cast<short>(unsent != 0 ? POLLIN | POLLOUT : POLLIN), until, sql))
      lose(if_late, fmt::format("no answer within {} ms", patience().count()), sql);
    if (PQconsumeInput(connection_) == 0) lose(if_late, words(), sql);
    until = SystemClock{}.mono() + patience();
  }
}

ResultPtr Session::result(std::string_view sql, Kind if_late) {
  ResultPtr last;
  for (;;) {
    wait(sql, if_late);
    ResultPtr next(PQgetResult(connection_));
    if (!next) break;
    const ExecStatusType state = PQresultStatus(next.get());
    if (state == PGRES_FATAL_ERROR || !last || PQresultStatus(last.get()) != PGRES_FATAL_ERROR) last = std::move(next);
    if (state == PGRES_COPY_IN || state == PGRES_COPY_OUT) lose(Kind::other, "COPY where no COPY was asked for", sql);
  }
  if (!last) lose(if_late, "no answer", sql);
  if (PQresultStatus(last.get()) == PGRES_FATAL_ERROR) {
    // A server that goes away says so in a message of its own, or the connection just ends.
    if (PQstatus(connection_) == CONNECTION_BAD) lose(if_late, words(), sql);
    refuse(last.get(), sql);
  }
  return last;
}

void Session::sent(int code, std::string_view sql) {
  if (code == 0) lose(Kind::unavailable, words(), sql);
}

ResultPtr Session::run(std::string_view sql, const std::vector<Parameter>& parameters) {
  const Arrays a(parameters);
  sent(PQsendQueryParams(connection_, std::string(sql).c_str(), a.size(), a.types.data(), a.values.data(),
                         a.lengths.data(), a.formats.data(), 1),
       sql);
  return result(sql);
}

void Session::prepare(const std::string& statement, const std::string& sql, const std::vector<Parameter>& parameters) {
  const Arrays a(parameters);
  sent(PQsendPrepare(connection_, statement.c_str(), sql.c_str(), a.size(), a.types.data()), sql);
  result(sql);
}

ResultPtr Session::run_prepared(const std::string& statement, std::string_view sql,
                                const std::vector<Parameter>& parameters) {
  const Arrays a(parameters);
  sent(PQsendQueryPrepared(connection_, statement.c_str(), a.size(), a.values.data(), a.lengths.data(),
                           a.formats.data(), 1),
       sql);
  return result(sql);
}

ResultPtr Session::run_script(const std::string& sql) {
  sent(PQsendQuery(connection_, sql.c_str()), sql);
  return result(sql);
}

void Session::begin_copy(const std::string& sql, ExecStatusType wanted) {
  sent(PQsendQuery(connection_, sql.c_str()), sql);
  wait(sql, Kind::unavailable);
  const ResultPtr begun(PQgetResult(connection_));
  if (begun && PQresultStatus(begun.get()) == wanted) return;
  if (!begun || PQresultStatus(begun.get()) != PGRES_FATAL_ERROR || PQstatus(connection_) == CONNECTION_BAD)
    lose(Kind::unavailable, words(), sql);
  for (ResultPtr more; wait(sql, Kind::unavailable), more.reset(PQgetResult(connection_)), more;) {
  }
  refuse(begun.get(), sql);
}

void Session::begin_copy_in(const std::string& sql) { begin_copy(sql, PGRES_COPY_IN); }

void Session::send_copy(std::string_view bytes, std::string_view sql) {
  if (PQputCopyData(connection_, bytes.data(), static_cast<int>(bytes.size())) != 1)
    lose(Kind::unavailable, words(), sql);
  wait(sql, Kind::unavailable);  // until it is sent: libpq would keep any amount
}

ResultPtr Session::end_copy_in(std::string_view sql) {
  if (PQputCopyEnd(connection_, nullptr) != 1) lose(Kind::unavailable, words(), sql);
  return result(sql);
}

void Session::copy_out(const std::string& sql, const std::function<void(std::string_view)>& each) {
  begin_copy(sql, PGRES_COPY_OUT);
  struct FreeMemory {
    void operator()(char* memory) const { PQfreemem(memory); }
  };
  for (;;) {
    char* data = nullptr;
    const int size = PQgetCopyData(connection_, &data, 1);
    const std::unique_ptr<char, FreeMemory> owned(data);
    if (size == -1) break;
    if (size == -2) lose(Kind::unavailable, words(), sql);
    if (size > 0) {
      each({data, static_cast<std::size_t>(size)});
      continue;
    }
    if (!ready(POLLIN, SystemClock{}.mono() + patience(), sql))
      lose(Kind::unavailable, fmt::format("no answer within {} ms", patience().count()), sql);
    if (PQconsumeInput(connection_) == 0) lose(Kind::unavailable, words(), sql);
  }
  result(sql);
}

void Session::commit() {
  warned_ = false;
  sent(PQsendQuery(connection_, "COMMIT"), "COMMIT");
  const ResultPtr done = result("COMMIT", Kind::in_doubt);
  if (std::string_view(PQcmdStatus(done.get())) != "COMMIT")
    throw StoreError(Kind::other, fmt::format("{}: the transaction had failed: it was rolled back", name_));
  // "canceling wait for synchronous replication": it is here, and may be nowhere else.
  if (warned_) lose(Kind::in_doubt, shown(warning_), "COMMIT");
}

void Session::lose(Kind kind, std::string_view words, std::string_view sql) {
  StoreError error(kind, fmt::format("{}: {} (in: {})", name_, words, sql.substr(0, 200)));
  close();
  throw error;
}

void Session::refuse(const PGresult* result, std::string_view sql) const {
  const std::string state = field(result, PG_DIAG_SQLSTATE);
  // Of a COPY: which row of which table.
  const std::string context = sql.starts_with("COPY ") ? "; " + shown(field(result, PG_DIAG_CONTEXT)) : "";
  throw StoreError(kind_of(state),
                   fmt::format("{}: {} (code {}{}, in: {})", name_, shown(field(result, PG_DIAG_MESSAGE_PRIMARY)),
                               state, context, sql.substr(0, 200)));
}

std::string Session::words() const { return shown(PQerrorMessage(connection_)); }

std::string Session::shown(std::string text) const {
  static constexpr std::string_view kHidden = "***";
  const std::string_view password = place_.password.reveal();
  for (auto at = password.empty() ? std::string::npos : text.find(password); at != std::string::npos;
       at = text.find(password, at + kHidden.size()))
    text.replace(at, password.size(), kHidden);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return harmless(text);
}

}  // namespace codedriftd::postgres
