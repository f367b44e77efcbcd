#pragma once
/// One connection to a PostgreSQL server: connect, send, wait with a deadline. Private to store/db.
#include <libpq-fe.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/db/postgres.h"

namespace codedriftd::postgres {

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, FreeResult>;

/// A parameter: its type, and its bytes as the binary protocol has them. No bytes: NULL.
struct Parameter {
  Oid type = 0;  ///< 0: the server finds out
  bool null = true;
  std::string bytes;
};

constexpr Oid kBool = 16, kBytea = 17, kName = 19, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25, kOid = 26,
              kUnknown = 705, kBpchar = 1042, kVarchar = 1043;

/// Not connected at first. Throws StoreError; after one of kind unavailable or in_doubt it is not connected any more.
class Session {
 public:
  Session(Place place, Access access);
  Session(const Session&) = delete;
  ~Session();

  void connect();
  void close();
  bool connected() const { return connection_ != nullptr; }
  /// How many connections there were: what was prepared under an earlier one is gone.
  int64_t number() const { return number_; }
  void give_up_when(const std::function<bool()>* over) { over_ = over; }

  /// One statement with its parameters, binary results.
  ResultPtr run(std::string_view sql, const std::vector<Parameter>& parameters);
  void prepare(const std::string& statement, const std::string& sql, const std::vector<Parameter>& parameters);
  ResultPtr run_prepared(const std::string& statement, std::string_view sql, const std::vector<Parameter>& parameters);
  /// Text with any number of statements, text results: that of the last one.
  ResultPtr run_script(const std::string& sql);
  /// COPY … FROM STDIN (FORMAT binary): first this, then its bytes in pieces of any length, then the end.
  void begin_copy_in(const std::string& sql);
  void send_copy(std::string_view bytes, std::string_view sql);
  ResultPtr end_copy_in(std::string_view sql);
  /// COPY … TO STDOUT (FORMAT binary): its bytes in pieces, as they come.
  void copy_out(const std::string& sql, const std::function<void(std::string_view)>& each);
  /// COMMIT; returns only if it is durable.
  void commit();

  const std::string& name() const { return name_; }

 private:
  void connect(const Host& host, const char* attributes);
  void check_server(const Host& host);
  [[noreturn]] void lose(StoreError::Kind kind, std::string_view words, std::string_view sql);
  [[noreturn]] void refuse(const PGresult* result, std::string_view sql) const;
  void sent(int code, std::string_view sql);
  Millis patience() const;
  void begin_copy(const std::string& sql, ExecStatusType wanted);
  /// Until libpq is ready to be asked for a result.
  void wait(std::string_view sql, StoreError::Kind if_late);
  /// False when the deadline passed; throws for give_up.
  bool ready(short events, MonoTime until, std::string_view sql);
  ResultPtr result(std::string_view sql, StoreError::Kind if_late = StoreError::Kind::unavailable);
  std::string words() const;
  std::string shown(std::string text) const;  ///< for messages: without the password
  static void note(void* self, const PGresult* notice);

  Place place_;
  Access access_;
  std::string name_;
  PGconn* connection_ = nullptr;
  int64_t number_ = 0;
  bool warned_ = false;  ///< the server sent a warning since this was last set to false
  std::string warning_;
  const std::function<bool()>* over_ = nullptr;
};

}  // namespace codedriftd::postgres
