#include "status/status_page.h"

#include <fmt/format.h>
#include <httplib.h>

#include <thread>

#include "base/clock.h"

namespace codedriftd {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kPlain[] = "text/plain; charset=utf-8";

void answer(const httplib::Request& request, httplib::Response& response, const std::vector<HealthCheck>& checks) {
  std::string text;
  bool ok = true;
  for (const HealthCheck& check : checks) {
    ok = ok && check.ok;
    if (request.has_param("verbose") || !check.ok)
      text += fmt::format("{} {}: {}\n", check.ok ? "ok  " : "FAIL", check.name, check.detail);
  }
  response.status = ok ? 200 : 503;
  response.set_content(text + (ok ? "ok\n" : "not ok\n"), kPlain);
}

/// The callbacks may throw (the store is being closed); httplib must not see that.
httplib::Server::Handler guarded(std::function<void(const httplib::Request&, httplib::Response&)> handler) {
  return [handler = std::move(handler)](const httplib::Request& request, httplib::Response& response) {
    try {
      handler(request, response);
    } catch (const std::exception& error) {
      response.status = 503;
      response.set_content(fmt::format("not available: {}\n", error.what()), kPlain);
    }
  };
}

}  // namespace

struct StatusPage::Impl {
  httplib::Server server;
  int port = 0;
  std::thread thread;
};

StatusPage::StatusPage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

StatusPage::~StatusPage() {
  impl_->server.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

int StatusPage::port() const { return impl_->port; }

Result<std::unique_ptr<StatusPage>> StatusPage::open(const std::string& listen, Source source) {
  const auto colon = listen.rfind(':');
  std::string host = listen.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const int port = std::atoi(listen.c_str() + colon + 1);

  auto impl = std::make_unique<Impl>();
  httplib::Server& server = impl->server;
  // A slow or silent client holds a thread for as long as a read may take; short limits keep the page answering.
  server.new_task_queue = [] { return new httplib::ThreadPool(4); };
  server.set_read_timeout(2, 0);
  server.set_write_timeout(2, 0);
  server.set_keep_alive_max_count(16);
  server.set_keep_alive_timeout(2);
  server.set_payload_max_length(1024);
  server.set_tcp_nodelay(true);
  // Not httplib's default, SO_REUSEPORT: with that a second daemon could listen on the same port and nobody would
  // notice.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  // Before a body is read: this version of httplib does not limit chunked ones.
  server.set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
    const bool with_body =
        request.has_header("Transfer-Encoding") || request.get_header_value<uint64_t>("Content-Length") > 0;
    if ((request.method == "GET" || request.method == "HEAD") && !with_body)
      return httplib::Server::HandlerResponse::Unhandled;
    response.status = with_body ? 413 : 405;
    response.set_header("Allow", "GET, HEAD");
    response.set_header("Connection", "close");
    response.set_content("only GET and HEAD, without a body\n", kPlain);
    return httplib::Server::HandlerResponse::Handled;
  });
  server.Get("/metrics", guarded([metrics = source.metrics](const httplib::Request&, httplib::Response& response) {
               response.set_content(metrics(), kMetricsType);
             }));
  for (const char* path : {"/healthz", "/livez"}) {
    server.Get(path, guarded([healthy = source.healthy](const httplib::Request& request, httplib::Response& response) {
                 answer(request, response, healthy());
               }));
  }
  server.Get("/readyz", guarded([ready = source.ready](const httplib::Request& request, httplib::Response& response) {
               answer(request, response, ready());
             }));

  impl->port = port == 0 ? server.bind_to_any_port(host) : (server.bind_to_port(host, port) ? port : -1);
  if (impl->port < 0) {
    return Error{
        fmt::format("[http] listen = \"{}\": cannot listen there (in use, or not an address of this machine)", listen)};
  }
  impl->thread = std::thread([&server] { server.listen_after_bind(); });
  // stop() before the thread has come to listening is lost in this version of httplib: the thread would never end.
  for (int i = 0; i < 5'000 && !server.is_running(); ++i) std::this_thread::sleep_for(Millis{1});
  return std::unique_ptr<StatusPage>(new StatusPage(std::move(impl)));
}

}  // namespace codedriftd
