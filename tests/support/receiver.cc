#include "support/receiver.h"

#include <fmt/format.h>

#include <condition_variable>
#include <deque>

#include "base/mutex.h"
#include "support/http_message.h"
#include "support/raw_server.h"

namespace codedriftd::test {

std::string ReceivedRequest::header(std::string_view name) const { return std::string(find_header(headers, name)); }

struct Receiver::Impl {
  bool tls = false;
  SystemClock clock;
  mutable Mutex mutex;  ///< for what follows, to the blank line
  mutable std::condition_variable_any arrived;
  std::vector<ReceivedRequest> requests GUARDED_BY(mutex);
  std::deque<ReceiverAnswer> script GUARDED_BY(mutex);
  ReceiverAnswer otherwise GUARDED_BY(mutex);
  std::function<void(const ReceivedRequest&)> callback GUARDED_BY(mutex);

  std::unique_ptr<RawServer> server;

  void serve(Connection& connection);
  bool answer(Connection& connection, HttpRequest& request);
};

void Receiver::Impl::serve(Connection& connection) {
  while (connection.wait_readable()) {
    bool reset = false;
    {
      MutexLock guard(mutex);
      const ReceiverAnswer& next = script.empty() ? otherwise : script.front();
      reset = next.fault == Fault::reset_before_reading;
      if (reset && !script.empty()) script.pop_front();
    }
    if (reset) return connection.reset();
    auto request = connection.read_request();
    if (!request || !answer(connection, *request)) return;
  }
}

bool Receiver::Impl::answer(Connection& connection, HttpRequest& request) {
  const ReceivedRequest received{clock.mono(), std::move(request.method), std::move(request.path),
                                 std::move(request.headers), std::move(request.body)};
  ReceiverAnswer answer;
  std::function<void(const ReceivedRequest&)> tell;
  {
    MutexLock guard(mutex);
    requests.push_back(received);
    answer = otherwise;
    if (!script.empty()) {
      answer = std::move(script.front());
      script.pop_front();
    }
    tell = callback;
  }
  arrived.notify_all();
  if (tell) tell(received);
  if (answer.delay.count() > 0 && !connection.pause(answer.delay)) return false;
  const WallTime now = clock.wall();
  if (answer.fault != Fault::none)
    return play_fault(connection, answer.fault, {answer.headers, answer.body, now}) && request.keep_alive;
  Headers headers{{"Date", http_date(now)}};
  headers.insert(headers.end(), answer.headers.begin(), answer.headers.end());
  if (!request.keep_alive) headers.emplace_back("Connection", "close");
  return connection.send(http_response(answer.status, headers, answer.body)) && request.keep_alive;
}

Receiver::Receiver(ReceiverOptions options) : impl_(new Impl) {
  impl_->tls = options.tls.has_value();
  impl_->server = std::make_unique<RawServer>(options.port, options.tls,
                                              [this](Connection& connection) { impl_->serve(connection); });
}

Receiver::~Receiver() { stop(); }

void Receiver::stop() { impl_->server->stop(); }
uint16_t Receiver::port() const { return impl_->server->port(); }

std::string Receiver::url() const {
  return fmt::format("{}://127.0.0.1:{}/hook", impl_->tls ? "https" : "http", port());
}

void Receiver::set_default(ReceiverAnswer answer) {
  MutexLock guard(impl_->mutex);
  impl_->otherwise = std::move(answer);
}

void Receiver::script(std::vector<ReceiverAnswer> answers) {
  MutexLock guard(impl_->mutex);
  for (ReceiverAnswer& answer : answers) impl_->script.push_back(std::move(answer));
}

void Receiver::on_request(std::function<void(const ReceivedRequest&)> callback) {
  MutexLock guard(impl_->mutex);
  impl_->callback = std::move(callback);
}

std::vector<ReceivedRequest> Receiver::requests() const {
  MutexLock guard(impl_->mutex);
  return impl_->requests;
}

std::size_t Receiver::count() const {
  MutexLock guard(impl_->mutex);
  return impl_->requests.size();
}

bool Receiver::wait_for(std::size_t count, Millis at_most) const {
  const Impl& impl = *impl_;
  MutexLock lock(impl.mutex);
  return impl.arrived.wait_for(impl.mutex, at_most,
                               [&]() REQUIRES(impl.mutex) { return impl.requests.size() >= count; });
}

void Receiver::clear() {
  MutexLock guard(impl_->mutex);
  impl_->requests.clear();
  impl_->script.clear();
}

}  // namespace codedriftd::test
