#include "status/status_page.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/guarded.h"
#include "status/page_server.h"

namespace codedriftd {
namespace {

constexpr char kPlain[] = "text/plain; charset=utf-8";
constexpr char kMalformed[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// `in_words`: who asks may read what the checks say.
void answer(const httplib::Request& request, httplib::Response& response, const std::vector<HealthCheck>& checks,
            bool in_words) {
  std::string text;
  bool ok = true;
  for (const HealthCheck& check : checks) {
    ok = ok && check.ok;
    if (in_words && (request.has_param("verbose") || !check.ok))
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

/// One request that was read already, and the reply to it: what httplib takes for a connection.
class OneRequest : public httplib::Stream {
 public:
  explicit OneRequest(std::string_view request) : request_(request) {}

  bool is_readable() const override { return !request_.empty(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, size_t size) override {
    const std::size_t taken = request_.copy(to, size);
    request_.remove_prefix(taken);
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const char* from, size_t size) override {
    reply_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }
  std::string take() { return std::move(reply_); }

 private:
  std::string_view request_;
  std::string reply_;
};

/// httplib for what it is good at, HTTP and routes; its own listening bounds nothing (page_server.h does).
class Routes : public httplib::Server {
 public:
  std::string answer(std::string_view head) {
    OneRequest request(head);
    bool closed = false;
    process_request(request, true, closed, [](httplib::Request& read) { read.ranges.clear(); });
    return request.take();
  }
};

/// Lines of a head end with CR LF and hold neither of the two, nor NUL (RFC 9112, 2.2). httplib ends them at LF alone:
/// it would see fields that without() does not.
bool well_formed(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '\0') return false;
    if (head[i] == '\r' && (i + 1 == head.size() || head[i + 1] != '\n')) return false;
    if (head[i] == '\n' && (i == 0 || head[i - 1] != '\r')) return false;
  }
  return true;
}

/// `head` without its line for `name`: a list of ranges multiplies the reply, and httplib reads it before anybody can
/// object.
std::string without(std::string_view name, std::string_view head) {
  std::string kept;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size() - 2) + 2;
    const std::string_view line = head.substr(0, end);
    const bool it = line.size() > name.size() && line[name.size()] == ':' &&
                    std::equal(name.begin(), name.end(), line.begin(),
                               [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
    if (!it) kept += line;
    head.remove_prefix(end);
  }
  return kept;
}

bool is_address(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1 || ::inet_pton(AF_INET6, host.c_str(), &v6) == 1;
}

/// "HOST:PORT", "HOST", "[::1]:PORT" without the port and the brackets, in lower case.
std::string host_of(std::string_view text) {
  if (text.starts_with('[')) {
    text = text.substr(1, text.find(']') == std::string_view::npos ? text.npos : text.find(']') - 1);
  } else {
    text = text.substr(0, text.find(':'));
  }
  std::string host(text);
  for (char& c : host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return host;
}

/// A web page elsewhere can have a browser on this machine ask here under a name of its own that resolves to 127.0.0.1
/// (DNS rebinding), and read the reply. Nobody but this machine can ask, so only names that mean it are answered.
bool means_this_machine(const std::string& header, const std::string& configured) {
  const std::string host = host_of(header);
  return host.empty() || host == "localhost" || host.ends_with(".localhost") || host == configured || is_address(host);
}

}  // namespace

struct StatusPage::Impl {
  Guarded<std::shared_ptr<const Access>> access;
  std::atomic<bool> loopback_only{true};  ///< until it listens
  Routes routes;
  std::unique_ptr<PageServer> server;  ///< ends before the routes do

  bool allows(const httplib::Request& request) {
    return access.copy()->allows(request.get_header_value("Authorization"));
  }
};

StatusPage::StatusPage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StatusPage::~StatusPage() = default;

int StatusPage::port() const { return impl_->server->port(); }

void StatusPage::admit(std::shared_ptr<const Access> access) {
  impl_->server->show(access->identity());
  *impl_->access.lock() = std::move(access);
}

namespace {

/// What other pages may do with this one, and this one with others: nothing.
const httplib::Headers kEveryReply{
    {"Content-Security-Policy",
     "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action "
     "'self'; base-uri 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "no-store"}};

std::function<void(const httplib::Request&, httplib::Response&)> site_handler(
    std::function<WebReply(const WebRequest&)> site) {
  return [site = std::move(site)](const httplib::Request& request, httplib::Response& response) {
    WebReply reply = site({request.path, request.params, request.get_header_value("If-None-Match")});
    response.status = reply.status;
    for (const auto& [name, value] : reply.headers) {
      response.headers.erase(name);
      response.set_header(name, value);
    }
    response.body = std::move(reply.body);
    response.set_header("Content-Type", reply.type);
  };
}

bool open_to_everybody(const std::string& path) { return path == "/healthz" || path == "/livez" || path == "/readyz"; }

}  // namespace

Result<std::unique_ptr<StatusPage>> StatusPage::open(const HttpSettings& settings, Source source) {
  const std::string& listen = settings.listen;
  const auto colon = listen.rfind(':');
  std::string host = listen.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const int port = std::atoi(listen.c_str() + colon + 1);
  const auto refused = [&](std::string_view why) {
    return Error{fmt::format("[http] listen = \"{}\": cannot listen there: {}", listen, why)};
  };

  auto access = Access::load(settings);
  if (!access) return Error{"[http] " + access.error().message};
  auto impl = std::make_unique<Impl>();
  *impl->access.lock() = *access;
  Routes& routes = impl->routes;
  routes.set_default_headers(kEveryReply);
  // Before a body is read: this version of httplib does not limit chunked ones.
  routes.set_pre_routing_handler(
      [&impl = *impl, configured = host_of(host), site = guarded(site_handler(std::move(source.site)))](
          const httplib::Request& request, httplib::Response& response) {
        const auto refuse = [&](int status, const char* words) {
          response.status = status;
          response.set_content(words, kPlain);
          return httplib::Server::HandlerResponse::Handled;
        };
        if (impl.loopback_only && !means_this_machine(request.get_header_value("Host"), configured))
          return refuse(421, "ask for localhost, for an address, or for the host of [http] listen\n");
        const bool with_body =
            request.has_header("Transfer-Encoding") || request.get_header_value<uint64_t>("Content-Length") > 0;
        if ((request.method != "GET" && request.method != "HEAD") || with_body) {
          response.set_header("Allow", "GET, HEAD");
          return refuse(with_body ? 413 : 405, "only GET and HEAD, without a body\n");
        }
        const bool allowed = impl.allows(request);
        if (open_to_everybody(request.path) || (allowed && request.path == "/metrics"))
          return httplib::Server::HandlerResponse::Unhandled;
        if (allowed) {  // by no route of httplib's: it compares paths as regular expressions, by recursion
          site(request, response);
          return httplib::Server::HandlerResponse::Handled;
        }
        response.set_header("WWW-Authenticate", "Basic realm=\"codedriftd\", charset=\"UTF-8\"");
        response.set_header("WWW-Authenticate", "Bearer realm=\"codedriftd\"");
        return refuse(401, "the token of [http] token_file, as a bearer token, or as the password with any user\n");
      });
  routes.Get("/metrics",
             guarded([metrics = source.metrics](const httplib::Request& request, httplib::Response& response) {
               const ExpositionFormat format = exposition_format_of(request.get_header_value("Accept"));
               response.set_header("Vary", "Accept");
               response.set_content(metrics(format), std::string(content_type(format)));
             }));
  for (const char* path : {"/healthz", "/livez"}) {
    routes.Get(path, guarded([&impl = *impl, healthy = source.healthy](const httplib::Request& request,
                                                                       httplib::Response& response) {
                 answer(request, response, healthy(), impl.allows(request));
               }));
  }
  routes.Get("/readyz", guarded([&impl = *impl, ready = source.ready](const httplib::Request& request,
                                                                      httplib::Response& response) {
               answer(request, response, ready(), impl.allows(request));
             }));
  auto server = PageServer::open(
      host, port, {},
      [&routes](const std::string& head) {
        return well_formed(head) ? routes.answer(without("range", head)) : std::string(kMalformed);
      },
      (*access)->identity());
  if (!server) return refused(server.error().message);
  impl->loopback_only = (*server)->loopback_only();
  if (!(*server)->loopback_only() && (settings.token_file.empty() || !(*access)->identity()))
    return refused("other machines can connect there; that needs token_file, tls_certificate and tls_key");
  impl->server = std::move(*server);
  return std::unique_ptr<StatusPage>(new StatusPage(std::move(impl)));
}

}  // namespace codedriftd
