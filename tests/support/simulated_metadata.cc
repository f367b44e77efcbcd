#include "support/simulated_metadata.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/mutex.h"
#include "support/http_message.h"
#include "support/raw_server.h"

namespace codedriftd::test {

struct SimulatedMetadata::Impl {
  std::string role;
  SystemClock clock;
  mutable Mutex mutex;  ///< for what follows, to the blank line
  Mode mode GUARDED_BY(mutex) = Mode::normal;
  Keys keys GUARDED_BY(mutex);
  uint64_t requests GUARDED_BY(mutex) = 0;
  uint64_t key_requests GUARDED_BY(mutex) = 0;
  uint64_t elsewhere_requests GUARDED_BY(mutex) = 0;

  std::unique_ptr<RawServer> server;

  std::string keys_body() const REQUIRES(mutex);
  void serve(Connection& connection);
  bool answer(Connection& connection, const HttpRequest& request);
};

std::string SimulatedMetadata::Impl::keys_body() const {
  if (mode == Mode::not_success) return json_line(Json{{"Code", "Failed"}});
  Json out{{"TmpSecretId", keys.secret_id},
           {"TmpSecretKey", keys.secret_key},
           {"Token", keys.token},
           {"ExpiredTime", to_ms(keys.expires) / 1000},
           {"Expiration", rfc3339(keys.expires)},
           {"Code", "Success"}};
  if (mode == Mode::missing_key) out.erase("TmpSecretKey");
  return json_line(out);
}

bool SimulatedMetadata::Impl::answer(Connection& connection, const HttpRequest& request) {
  constexpr std::string_view kRoot = "/latest/meta-data/cam/security-credentials/";
  const bool elsewhere = request.path.starts_with("/elsewhere");
  const bool wants_keys = request.path == std::string(kRoot) + role;
  Mode now{};
  std::string keys_now;
  {
    MutexLock lock(mutex);
    ++requests;
    if (elsewhere) ++elsewhere_requests;
    if (wants_keys) ++key_requests;
    now = mode;
    keys_now = keys_body();
  }

  switch (now) {
    case Mode::silent:
      connection.wait_for_peer_to_leave();
      return false;
    case Mode::http_500:
      return connection.send(http_response(500, {}, "<html>internal error</html>"));
    case Mode::no_role:
      return connection.send(http_response(404, {}, "<html>not found</html>"));
    case Mode::garbage:
      return connection.send(http_response(200, {}, std::string("\x1b[31m\xff\xfe{\"", 9)));
    case Mode::redirect:
      if (!elsewhere) return connection.send(http_response(302, {{"Location", "/elsewhere" + request.path}}, ""));
      break;
    default:
      break;
  }
  if (request.method != "GET") return connection.send(http_response(405, {}, ""));
  if (wants_keys || request.path == "/elsewhere" + std::string(kRoot) + role)
    return connection.send(http_response(200, {{"Content-Type", "application/json"}}, keys_now));
  if (request.path == kRoot || request.path == "/elsewhere" + std::string(kRoot))
    return connection.send(http_response(200, {{"Content-Type", "text/plain"}}, role));
  return connection.send(http_response(404, {}, ""));
}

void SimulatedMetadata::Impl::serve(Connection& connection) {
  while (const auto request = connection.read_request())
    if (!answer(connection, *request) || !request->keep_alive) return;
}

SimulatedMetadata::SimulatedMetadata(std::string role) : impl_(new Impl) {
  impl_->role = std::move(role);
  impl_->keys.expires = impl_->clock.wall() + std::chrono::hours(1);
  impl_->server =
      std::make_unique<RawServer>(0, std::nullopt, [this](Connection& connection) { impl_->serve(connection); });
}

SimulatedMetadata::~SimulatedMetadata() { impl_->server->stop(); }

uint16_t SimulatedMetadata::port() const { return impl_->server->port(); }
std::string SimulatedMetadata::endpoint() const { return fmt::format("http://127.0.0.1:{}", port()); }

void SimulatedMetadata::set_mode(Mode mode) {
  MutexLock guard(impl_->mutex);
  impl_->mode = mode;
}

void SimulatedMetadata::set_keys(Keys keys) {
  MutexLock guard(impl_->mutex);
  impl_->keys = std::move(keys);
}

uint64_t SimulatedMetadata::requests() const {
  MutexLock guard(impl_->mutex);
  return impl_->requests;
}

uint64_t SimulatedMetadata::key_requests() const {
  MutexLock guard(impl_->mutex);
  return impl_->key_requests;
}

uint64_t SimulatedMetadata::elsewhere_requests() const {
  MutexLock guard(impl_->mutex);
  return impl_->elsewhere_requests;
}

}  // namespace codedriftd::test
