#pragma once
/// A webhook receiver on loopback that answers as it is told, for tests and the demo.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "support/fault.h"
#include "support/tls_files.h"

namespace codedriftd::test {

struct ReceiverOptions {
  uint16_t port = 0;              ///< 0: any. Always on 127.0.0.1
  std::optional<TlsFiles> tls{};  ///< else plain HTTP
};

struct ReceivedRequest {
  MonoTime arrived;
  std::string method;
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case, in order
  std::string body;

  /// The first header of this name (in lower case); empty if there is none.
  std::string header(std::string_view name) const;
};

/// One scripted answer: a fault, or a status with headers and a body.
struct ReceiverAnswer {
  int status = 204;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  Fault fault = Fault::none;
  Millis delay{0};  ///< before answering
};

/// Records every request and answers 204 unless told otherwise. All methods are thread-safe. The destructor ends every
/// connection.
class Receiver {
 public:
  /// Listens when it returns. Throws std::runtime_error if it cannot.
  explicit Receiver(ReceiverOptions options = {});
  ~Receiver();

  uint16_t port() const;
  /// "http://127.0.0.1:PORT/hook" or the same with https.
  std::string url() const;

  /// What is answered when nothing else is scripted.
  void set_default(ReceiverAnswer answer);
  /// Answers for the next requests, in this order, before the default applies again.
  void script(std::vector<ReceiverAnswer> answers);
  /// Called with each request, in the connection's thread, before it is answered.
  void on_request(std::function<void(const ReceivedRequest&)> callback);

  std::vector<ReceivedRequest> requests() const;
  std::size_t count() const;
  /// True as soon as `count` requests have arrived in all; false after `at_most`.
  bool wait_for(std::size_t count, Millis at_most) const;
  void clear();

  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace codedriftd::test
