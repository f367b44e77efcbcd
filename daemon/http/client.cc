#include "http/client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <deque>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "base/guarded.h"
#include "base/secret.h"
#include "base/unique_fd.h"
#include "base/url.h"
#include "http/proxy.h"
#include "http/resolver.h"
#include "http/transfer.h"
#include "http/wiped_memory.h"

namespace codedriftd {
namespace {

constexpr long kConnectionsToOneHost = 64;
constexpr long kConnectionsKept = 128;

void prepare_process() {
  static const bool done = [] {
    if (init_libcurl_wiping() != CURLE_OK) throw std::runtime_error("libcurl cannot be initialised");
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
  if (!url) return Error{fmt::format("the URL cannot be used: {}", url.error().message)};
  if (const Checked allowed = check_transport(*url, request.plain_http_anywhere); !allowed) {
    return Error{fmt::format("{}: {}", url->origin, allowed.error().message)};
  }
  if (!token(request.method)) return Error{"the HTTP method is not a word"};
  for (const HttpHeader& header : request.headers) {
    if (!token(header.name)) return Error{"a header's name has a character that is not allowed"};
    if (breaks_lines(header.value)) return Error{fmt::format("header {} has a line break or a NUL in it", header.name)};
  }
  return url;
}

}  // namespace

/// libcurl's event-driven interface over epoll: curl_multi_perform asks the kernel about every transfer in flight each
/// time anything happens to one of them.
class HttpClient::Engine {
 public:
  Engine();
  ~Engine();

  /// The transfer that carries it, or nullptr if it was refused.
  Transfer* start(HttpRequest request, Callback done);
  void turn(Millis at_most, int cancel_fd, Transfer* cancelled);
  void wake() { ::eventfd_write(names_->wake.get(), 1); }
  std::size_t in_flight() const { return active_.size() + ready_.size(); }
  void read_files_again() { ++file_generation_; }

 private:
  struct Ready {
    Callback done;
    HttpResponse response;
  };
  /// Where lookups arrive, from other threads, perhaps after the engine has gone.
  struct Names {
    explicit Names(UniqueFd fd) : wake(std::move(fd)) {}
    UniqueFd wake;  ///< an eventfd
    Guarded<std::vector<std::pair<uint64_t, std::shared_ptr<const Lookup>>>> found;
  };

  void refuse(Callback done, std::string why);
  void carry(Transfer* transfer);
  void start_named(Transfer* transfer, const Lookup& lookup);
  void take_names();
  static int on_socket(CURL* easy, curl_socket_t fd, int wanted, void* self, void* known);
  static int on_timer(CURLM* multi, long in_ms, void* self);
  void run_due();
  void wait(Millis at_most, int cancel_fd);
  void collect();
  void end_overdue(MonoTime now);
  void settle(Transfer* transfer, HttpResponse response);

  SystemClock clock_;
  const ProxySettings proxies_ = ProxySettings::of_environment();
  uint64_t file_generation_ = 0;
  uint64_t lookups_ = 0;
  UniqueFd epoll_;
  std::shared_ptr<Names> names_;            ///< its eventfd is in epoll_, as are the sockets libcurl waits for
  MonoTime libcurl_due_ = MonoTime::max();  ///< when libcurl wants to be called, events or not
  CURLM* multi_ = nullptr;
  CURLSH* share_ = nullptr;
  std::vector<std::unique_ptr<Transfer>> active_;
  std::vector<std::unique_ptr<Transfer>> idle_;
  std::deque<Ready> ready_;
  MonoTime next_overdue_ = MonoTime::max();  ///< no transfer in flight is overdue before
};

HttpClient::Engine::Engine()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      names_(std::make_shared<Names>(UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)))) {
  prepare_process();
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = names_->wake.get();
  if (!epoll_.valid() || !names_->wake.valid() ||
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, names_->wake.get(), &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll");
  multi_ = curl_multi_init();
  share_ = curl_share_init();
  if (multi_ == nullptr || share_ == nullptr) throw std::runtime_error("libcurl gives no handle");
  curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);  // one thread: no locks needed
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Engine::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Engine::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
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

void HttpClient::Engine::refuse(Callback done, std::string why) {
  HttpResponse refused;
  refused.failure = HttpFailure::refused;
  refused.failure_text = std::move(why);
  ready_.push_back({std::move(done), std::move(refused)});
}

Transfer* HttpClient::Engine::start(HttpRequest request, Callback done) {
  const Result<Url> url = check(request);
  if (!url) {
    if (request.secret_url) wipe(request.url);
    refuse(std::move(done), url.error().message);
    return nullptr;
  }
  Route route{nullptr, file_generation_};
  if (!request.no_proxy) {
    const Result<const Proxy*> proxy = proxies_.proxy_for(*url);
    if (!proxy) {
      if (request.secret_url) wipe(request.url);
      refuse(std::move(done), fmt::format("{}: {}", url->origin, proxy.error().message));
      return nullptr;
    }
    route.proxy = *proxy;
  }
  std::unique_ptr<Transfer> transfer;
  if (idle_.empty()) {
    transfer = std::make_unique<Transfer>(share_);
  } else {
    transfer = std::move(idle_.back());
    idle_.pop_back();
  }
  const MonoTime now = clock_.mono();
  transfer->prepare(std::move(request), *url, route, std::move(done), now);
  next_overdue_ = std::min(next_overdue_, transfer->deadline());
  transfer->position = active_.size();
  active_.push_back(std::move(transfer));
  Transfer* started = active_.back().get();
  const std::string& name = started->name_to_look_up();
  if (name.empty()) {
    carry(started);
    return started;
  }
  const uint64_t number = ++lookups_;
  started->waits_for_name = number;
  const auto known = look_up(name, now, [names = names_, number](std::shared_ptr<const Lookup> found) {
    names->found.lock()->emplace_back(number, std::move(found));
    ::eventfd_write(names->wake.get(), 1);
  });
  if (known) start_named(started, *known);
  return started;
}

/// Hands it to libcurl.
void HttpClient::Engine::carry(Transfer* transfer) {
  const CURLMcode code = curl_multi_add_handle(multi_, transfer->handle());
  if (code == CURLM_OK) return;
  const std::string why = fmt::format("libcurl takes no request: {}", curl_multi_strerror(code));
  settle(transfer, transfer->abandon(HttpFailure::network, why, clock_.mono()));
}

void HttpClient::Engine::start_named(Transfer* transfer, const Lookup& lookup) {
  transfer->waits_for_name = 0;
  if (lookup.addresses.empty()) {
    settle(transfer, transfer->abandon(
                         HttpFailure::network,
                         fmt::format("Could not resolve host: {} ({})", transfer->name_to_look_up(), lookup.problem),
                         clock_.mono()));
    return;
  }
  transfer->set_addresses(lookup.addresses);
  carry(transfer);
}

void HttpClient::Engine::take_names() {
  std::vector<std::pair<uint64_t, std::shared_ptr<const Lookup>>> found;
  names_->found.lock()->swap(found);
  for (const auto& [number, lookup] : found) {
    const auto waiting = std::find_if(active_.begin(), active_.end(),
                                      [number = number](const auto& t) { return t->waits_for_name == number; });
    if (waiting != active_.end()) start_named(waiting->get(), *lookup);  // else it was given up
  }
}

int HttpClient::Engine::on_socket(CURL*, curl_socket_t fd, int wanted, void* self, void*) {
  const int epoll = static_cast<Engine*>(self)->epoll_.get();
  if (wanted == CURL_POLL_REMOVE) {
    ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
    return 0;
  }
  epoll_event event{};
  event.events = ((wanted & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((wanted & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
  event.data.fd = fd;
  const bool taken = ::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0 ||
                     (errno == ENOENT && ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
  return taken ? 0 : -1;
}

int HttpClient::Engine::on_timer(CURLM*, long in_ms, void* self) {
  auto& engine = *static_cast<Engine*>(self);
  engine.libcurl_due_ = in_ms < 0 ? MonoTime::max() : engine.clock_.mono() + Millis{in_ms};
  return 0;
}

void HttpClient::Engine::run_due() {
  if (clock_.mono() < libcurl_due_) return;
  libcurl_due_ = MonoTime::max();  // libcurl sets it anew while it runs
  int running = 0;
  curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  collect();
}

void HttpClient::Engine::wait(Millis at_most, int cancel_fd) {
  auto timeout = static_cast<int>(std::min<Millis::rep>(at_most.count(), 1'000'000'000));
  if (cancel_fd >= 0) {
    pollfd either[] = {{epoll_.get(), POLLIN, 0}, {cancel_fd, POLLIN, 0}};
    ::poll(either, 2, timeout);
    timeout = 0;
  }
  epoll_event events[kConnectionsToOneHost];
  const int count = ::epoll_wait(epoll_.get(), events, kConnectionsToOneHost, timeout);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.fd == names_->wake.get()) {
      eventfd_t ignored = 0;
      ::eventfd_read(names_->wake.get(), &ignored);
      take_names();
      continue;
    }
    const uint32_t seen = events[i].events;
    const int mask = ((seen & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((seen & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                     ((seen & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
    int running = 0;
    curl_multi_socket_action(multi_, events[i].data.fd, mask, &running);
  }
  collect();
}

void HttpClient::Engine::turn(Millis at_most, int cancel_fd, Transfer* cancelled) {
  run_due();  // sends what was started
  Millis patience = ready_.empty() ? std::max(at_most, Millis{0}) : Millis{0};
  if (const MonoTime next = std::min(libcurl_due_, next_overdue_); next != MonoTime::max()) {
    patience = std::clamp(std::chrono::ceil<Millis>(next - clock_.mono()), Millis{0}, patience);
  }
  wait(patience, cancel_fd);
  run_due();
  const MonoTime now = clock_.mono();
  if (now >= next_overdue_) end_overdue(now);
  // Where libcurl answered in the same turn, `cancelled` is idle or gone by now, and its answer counts.
  if (cancelled != nullptr && readable(cancel_fd) &&
      std::any_of(active_.begin(), active_.end(), [&](const auto& t) { return t.get() == cancelled; })) {
    settle(cancelled, cancelled->abandon(HttpFailure::cancelled, kToldToStop, now));
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

/// libcurl keeps the deadline too, but not for a request that waits for its host's name or for one of the 64
/// connections.
void HttpClient::Engine::end_overdue(MonoTime now) {
  next_overdue_ = MonoTime::max();
  for (std::size_t i = active_.size(); i-- > 0;) {
    Transfer* transfer = active_[i].get();
    if (transfer->deadline() <= now) {
      settle(transfer, transfer->abandon(HttpFailure::timeout, kTooLate, now));
    } else {
      next_overdue_ = std::min(next_overdue_, transfer->deadline());
    }
  }
}

/// Takes `transfer` out of flight and queues its callback.
void HttpClient::Engine::settle(Transfer* transfer, HttpResponse response) {
  if (std::exchange(transfer->waits_for_name, 0) == 0) curl_multi_remove_handle(multi_, transfer->handle());
  transfer->drop_headers();
  ready_.push_back({transfer->take_callback(), std::move(response)});
  const std::size_t position = transfer->position;
  std::swap(active_[position], active_.back());
  active_[position]->position = position;
  if (!transfer->holds_secret_url()) idle_.push_back(std::move(active_.back()));
  active_.pop_back();
}

HttpClient::HttpClient() : engine_(std::make_unique<Engine>()) {}
HttpClient::~HttpClient() = default;

void HttpClient::start(HttpRequest request, Callback done) { engine_->start(std::move(request), std::move(done)); }
void HttpClient::turn(Millis at_most) {
  const std::size_t before = engine_->in_flight();
  engine_->turn(at_most, -1, nullptr);
  if (engine_->in_flight() < before) wipe_stack();
}
void HttpClient::wake() { engine_->wake(); }
std::size_t HttpClient::in_flight() const { return engine_->in_flight(); }
void HttpClient::read_files_again() { engine_->read_files_again(); }

HttpResponse HttpClient::fetch(HttpRequest request, int cancel_fd) {
  constexpr Millis kForever = std::chrono::hours(1);  // the deadline ends it earlier
  // Shared, because another request's callback may throw out of `turn` and leave this one in flight.
  auto response = std::make_shared<std::optional<HttpResponse>>();
  Transfer* transfer = engine_->start(std::move(request), [response](HttpResponse r) { *response = std::move(r); });
  while (!*response) engine_->turn(kForever, cancel_fd, transfer);
  wipe_stack();
  return *std::move(*response);
}

}  // namespace codedriftd
