#include "http/client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <optional>
#include <stdexcept>

#include "http/transfer.h"
#include "http/url.h"

namespace codedriftd {
namespace {

constexpr long kConnectionsToOneHost = 64;
constexpr long kConnectionsKept = 128;

void prepare_process() {
  static const bool done = [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("libcurl cannot be initialised");
    ::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
  static_cast<void>(done);
}

bool token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool breaks_lines(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

/// Asked of the kernel: libcurl does not report a pipe whose other end was closed.
bool readable(int fd) {
  pollfd query{fd, POLLIN, 0};
  return fd >= 0 && ::poll(&query, 1, 0) > 0;
}

Result<Url> check(const HttpRequest& request) {
  Result<Url> url = parse_url(request.url);
  if (!url) return url;
  if (const Checked allowed = check_transport(*url, request.plain_http_anywhere); !allowed) return allowed.error();
  if (!token(request.method)) return Error{"the HTTP method is not a word"};
  for (const HttpHeader& header : request.headers) {
    if (!token(header.name)) return Error{"a header's name has a character that is not allowed"};
    if (breaks_lines(header.value)) return Error{fmt::format("header {} has a line break or a NUL in it", header.name)};
  }
  return url;
}

}  // namespace

class HttpClient::Engine {
 public:
  Engine();
  ~Engine();

  /// The transfer that carries it, or nullptr if it was refused.
  Transfer* start(HttpRequest request, Callback done);
  void turn(Millis at_most, int cancel_fd, Transfer* cancelled);
  void wake() { curl_multi_wakeup(multi_); }
  std::size_t in_flight() const { return active_.size() + ready_.size(); }

 private:
  struct Ready {
    Callback done;
    HttpResponse response;
  };

  void collect();
  void end_overdue(MonoTime now);
  void settle(Transfer* transfer, HttpResponse response);

  SystemClock clock_;
  CURLM* multi_ = nullptr;
  CURLSH* share_ = nullptr;
  std::vector<std::unique_ptr<Transfer>> active_;
  std::vector<std::unique_ptr<Transfer>> idle_;
  std::deque<Ready> ready_;
  MonoTime next_overdue_ = MonoTime::max();  ///< no transfer in flight is overdue before
};

HttpClient::Engine::Engine() {
  prepare_process();
  multi_ = curl_multi_init();
  share_ = curl_share_init();
  if (multi_ == nullptr || share_ == nullptr) throw std::runtime_error("libcurl gives no handle");
  curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);  // one thread: no locks needed
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, kConnectionsToOneHost);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kConnectionsKept);
}

HttpClient::Engine::~Engine() {
  for (const auto& transfer : active_) curl_multi_remove_handle(multi_, transfer->handle());
  active_.clear();
  idle_.clear();
  curl_multi_cleanup(multi_);
  curl_share_cleanup(share_);
}

Transfer* HttpClient::Engine::start(HttpRequest request, Callback done) {
  const Result<Url> url = check(request);
  if (!url) {
    HttpResponse refused;
    refused.failure = HttpFailure::refused;
    refused.failure_text = url.error().message;
    ready_.push_back({std::move(done), std::move(refused)});
    return nullptr;
  }
  std::unique_ptr<Transfer> transfer;
  if (idle_.empty()) {
    transfer = std::make_unique<Transfer>(share_);
  } else {
    transfer = std::move(idle_.back());
    idle_.pop_back();
  }
  transfer->prepare(std::move(request), *url, std::move(done), clock_.mono());
  if (const CURLMcode code = curl_multi_add_handle(multi_, transfer->handle()); code != CURLM_OK) {
    throw std::runtime_error(fmt::format("libcurl takes no request: {}", curl_multi_strerror(code)));
  }
  next_overdue_ = std::min(next_overdue_, transfer->deadline());
  transfer->position = active_.size();
  active_.push_back(std::move(transfer));
  return active_.back().get();
}

void HttpClient::Engine::turn(Millis at_most, int cancel_fd, Transfer* cancelled) {
  Millis wait = ready_.empty() ? std::max(at_most, Millis{0}) : Millis{0};
  if (!active_.empty()) {
    wait = std::clamp(std::chrono::ceil<Millis>(next_overdue_ - clock_.mono()), Millis{0}, wait);
  }
  curl_waitfd extra{};
  extra.fd = cancel_fd;
  extra.events = CURL_WAIT_POLLIN;
  const auto timeout = static_cast<int>(std::min<Millis::rep>(wait.count(), 1'000'000'000));
  curl_multi_poll(multi_, &extra, cancel_fd >= 0 ? 1 : 0, timeout, nullptr);
  int running = 0;
  curl_multi_perform(multi_, &running);
  collect();
  const MonoTime now = clock_.mono();
  if (now >= next_overdue_) end_overdue(now);
  // Where libcurl answered in the same turn, `cancelled` is idle by now, and its answer counts.
  if (cancelled != nullptr && readable(cancel_fd) && cancelled->position < active_.size() &&
      active_[cancelled->position].get() == cancelled) {
    settle(cancelled, cancelled->abandon(HttpFailure::cancelled, "told to stop", now));
  }
  for (std::size_t left = ready_.size(); left > 0; --left) {
    Ready ready = std::move(ready_.front());
    ready_.pop_front();
    ready.done(std::move(ready.response));
  }
}

void HttpClient::Engine::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    Transfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    settle(transfer, transfer->finish(message->data.result, clock_.mono()));
  }
}

/// libcurl keeps the deadline too, but not for a request that waits for one of the 64 connections.
void HttpClient::Engine::end_overdue(MonoTime now) {
  next_overdue_ = MonoTime::max();
  for (std::size_t i = active_.size(); i-- > 0;) {
    Transfer* transfer = active_[i].get();
    if (transfer->deadline() <= now) {
      settle(transfer, transfer->abandon(HttpFailure::timeout, "no whole answer within the deadline", now));
    } else {
      next_overdue_ = std::min(next_overdue_, transfer->deadline());
    }
  }
}

/// Takes `transfer` out of flight and queues its callback.
void HttpClient::Engine::settle(Transfer* transfer, HttpResponse response) {
  curl_multi_remove_handle(multi_, transfer->handle());
  ready_.push_back({transfer->take_callback(), std::move(response)});
  const std::size_t position = transfer->position;
  std::swap(active_[position], active_.back());
  active_[position]->position = position;
  idle_.push_back(std::move(active_.back()));
  active_.pop_back();
}

HttpClient::HttpClient() : engine_(std::make_unique<Engine>()) {}
HttpClient::~HttpClient() = default;

void HttpClient::start(HttpRequest request, Callback done) { engine_->start(std::move(request), std::move(done)); }
void HttpClient::turn(Millis at_most) { engine_->turn(at_most, -1, nullptr); }
void HttpClient::wake() { engine_->wake(); }
std::size_t HttpClient::in_flight() const { return engine_->in_flight(); }

HttpResponse HttpClient::fetch(HttpRequest request, int cancel_fd) {
  constexpr Millis kForever = std::chrono::hours(1);  // the deadline ends it earlier
  // Shared, because another request's callback may throw out of `turn` and leave this one in flight.
  auto response = std::make_shared<std::optional<HttpResponse>>();
  Transfer* transfer = engine_->start(std::move(request), [response](HttpResponse r) { *response = std::move(r); });
  while (!*response) engine_->turn(kForever, cancel_fd, transfer);
  return **std::move(response);
}

std::string_view HttpResponse::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const HttpHeader& h) { return h.name == name; });
  return found == headers.end() ? std::string_view{} : std::string_view(found->value);
}

std::string_view to_string(HttpFailure failure) {
  switch (failure) {
    case HttpFailure::none:
      return "none";
    case HttpFailure::timeout:
      return "timeout";
    case HttpFailure::network:
      return "network";
    case HttpFailure::tls:
      return "tls";
    case HttpFailure::too_large:
      return "too_large";
    case HttpFailure::protocol:
      return "protocol";
    case HttpFailure::cancelled:
      return "cancelled";
    case HttpFailure::refused:
      return "refused";
  }
  return "network";
}

}  // namespace codedriftd
