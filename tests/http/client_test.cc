#include "http/client.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "base/unique_fd.h"
#include "http/resolver.h"
#include "support/raw_server.h"
#include "support/receiver.h"
#include "support/temp_dir.h"
#include "support/test_ca.h"

namespace {

std::atomic<int> hanging{0}, most_hanging{0};  // in getaddrinfo
std::atomic<bool> let_go{false};

int real_getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(node, service, hints, result);
}

// libcurl's own calls come here too: a name server that is slow ("slow.test"), or silent until it is let go ("hangs…"),
// and one that knows nothing of ".test", so that no test asks a real one.
}  // namespace

extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* node, const char* service,
                                                                  const addrinfo* hints, addrinfo** result) {
  const std::string_view name = node == nullptr ? "" : node;
  if (name == "slow.test") ::sleep(4);
  if (name.starts_with("hangs")) {
    const int now = ++hanging;
    most_hanging = std::max(most_hanging.load(), now);
    while (!let_go) ::usleep(1'000);
    --hanging;
  }
  if (name == "scf.test") return real_getaddrinfo("127.0.0.1", service, hints, result);
  if (name.ends_with(".test")) return EAI_NONAME;
  return real_getaddrinfo(node, service, hints, result);
}

namespace codedriftd::test {
namespace {

using Request = codedriftd::HttpRequest;

Request get(const std::string& url, Millis deadline = Millis{5000}) {
  Request request;
  request.url = url;
  request.deadline = deadline;
  return request;
}

/// Sets a variable of the environment for one test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

/// Answers every request with 200 and "ok", on a connection that stays.
void answer_ok(Connection& connection) {
  while (connection.wait_readable() && connection.read_request()) {
    if (!connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) return;
  }
}

TEST(HttpClient, SendsWhatItWasGivenAndReturnsWhatCame) {
  Receiver receiver;
  receiver.set_default({429, {{"Retry-After", "7"}, {"X-Mixed-CASE", " spaced "}}, "later"});
  HttpClient client;
  Request request = get(receiver.url() + "?q=1");
  request.method = "POST";
  request.headers = {{"Content-Type", "text/plain"}, {"X-Empty", ""}, {"Host", "other.test:1"}};
  request.body = std::string("a\0b", 3);
  const HttpResponse response = client.fetch(request);
  EXPECT_EQ(response.failure, HttpFailure::none) << response.failure_text;
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.body, "later");
  EXPECT_EQ(response.header("retry-after"), "7");
  EXPECT_EQ(response.header("x-mixed-case"), "spaced");
  EXPECT_EQ(response.header("x-absent"), "");
  ASSERT_EQ(receiver.count(), 1U);
  const ReceivedRequest received = receiver.requests().at(0);
  EXPECT_EQ(received.method, "POST");
  EXPECT_EQ(received.path, "/hook?q=1");
  EXPECT_EQ(received.body, request.body);
  EXPECT_EQ(received.header("content-type"), "text/plain");
  EXPECT_EQ(received.header("host"), "other.test:1");
  EXPECT_EQ(received.header("expect"), "");
  EXPECT_EQ(client.in_flight(), 0U);
}

TEST(HttpClient, OneHandleCarriesDifferentRequestsOneAfterTheOther) {
  Receiver receiver;
  HttpClient client;
  for (const char* method : {"POST", "GET", "PUT", "HEAD", "POST", "DELETE", "GET"}) {
    receiver.clear();
    Request request = get(receiver.url());
    request.method = method;
    if (std::string_view(method) == "POST" || std::string_view(method) == "PUT") request.body = "body";
    const HttpResponse response = client.fetch(request);
    EXPECT_EQ(response.status, 204) << method << ": " << response.failure_text;
    ASSERT_EQ(receiver.count(), 1U) << method;
    EXPECT_EQ(receiver.requests().at(0).method, method);
    EXPECT_EQ(receiver.requests().at(0).body, request.body) << method;
  }
}

TEST(HttpClient, KeepsOneConnectionForRequestsInTurn) {
  RawServer server(0, std::nullopt, answer_ok);
  HttpClient client;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(client.fetch(get("http://127.0.0.1:" + std::to_string(server.port()))).body, "ok");
  }
  EXPECT_EQ(server.connections(), 1U);
}

TEST(HttpClient, AsksAgainWhenAKeptConnectionTurnsOutToBeClosed) {
  RawServer server(0, std::nullopt, [](Connection& connection) {
    if (connection.read_request()) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  HttpClient client;
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(client.fetch(get("http://127.0.0.1:" + std::to_string(server.port()))).body, "ok");
  }
}

struct FaultCase {
  Fault fault;
  HttpFailure failure;
};
constexpr FaultCase kFaults[] = {
    {Fault::reset_after_reading, HttpFailure::network},
    {Fault::close_without_answer, HttpFailure::network},
    {Fault::never_answer, HttpFailure::timeout},
    {Fault::drip_headers, HttpFailure::timeout},
    {Fault::drip_body, HttpFailure::timeout},
    {Fault::flood_headers, HttpFailure::too_large},
    {Fault::long_status_line, HttpFailure::too_large},
    {Fault::endless_body, HttpFailure::too_large},
    {Fault::huge_content_length, HttpFailure::too_large},
    {Fault::huge_body, HttpFailure::too_large},
    {Fault::garbage, HttpFailure::protocol},
    {Fault::long_content_length, HttpFailure::network},
};

void expect_faults(Receiver& receiver, const std::string& ca_file) {
  HttpClient client;
  for (const FaultCase& c : kFaults) {
    SCOPED_TRACE(fault_name(c.fault));
    receiver.set_default({200, {}, "{\"some\":\"body\"}", c.fault});
    Request request = get(receiver.url() + "?token=SECRET-IN-QUERY", Millis{400});
    request.ca_file = ca_file;
    request.body_cap = 200'000;
    const HttpResponse response = client.fetch(request);
    EXPECT_EQ(response.failure, c.failure) << to_string(response.failure) << ' ' << response.failure_text;
    EXPECT_EQ(response.status, 0);
    EXPECT_LT(response.took, Millis{1500});
    EXPECT_TRUE(response.body.empty());
    EXPECT_TRUE(response.failure_text.starts_with("http")) << response.failure_text;
    EXPECT_EQ(response.failure_text.find("SECRET-IN-QUERY"), std::string::npos) << response.failure_text;
  }
  receiver.set_default({200, {}, "fine"});
  Request request = get(receiver.url());
  request.ca_file = ca_file;
  EXPECT_EQ(client.fetch(request).body, "fine") << "the client is usable after all that";
}

TEST(HttpClient, EndsEveryHostileAnswerWithinTheDeadline) {
  Receiver receiver;
  expect_faults(receiver, "");
}

TEST(HttpClient, EndsEveryHostileAnswerOverTlsToo) {
  const TempDir dir;
  TestCa ca(dir.path().string());
  Receiver receiver(ReceiverOptions{0, ca.server()});
  expect_faults(receiver, ca.certificate_file());
}

TEST(HttpClient, NeverFollowsARedirect) {
  Receiver receiver;
  receiver.set_default({200, {}, "", Fault::redirect});
  HttpClient client;
  EXPECT_EQ(client.fetch(get(receiver.url())).status, 302);
  EXPECT_EQ(receiver.count(), 1U);
}

/// Serves one body to every request, of a status, with or without Content-Length.
struct BodyServer {
  explicit BodyServer(std::string text, const char* status = "200 OK", bool with_length = true)
      : server(0, std::nullopt, [text = std::move(text), status, with_length](Connection& connection) {
          while (connection.wait_readable() && connection.read_request()) {
            const std::string length =
                with_length ? fmt::format("Content-Length: {}\r\n", text.size()) : "Connection: close\r\n";
            if (!connection.send(fmt::format("HTTP/1.1 {}\r\n{}\r\n", status, length)) || !connection.send(text))
              return;
            if (!with_length) return;
          }
        }) {}
  std::string url() const { return fmt::format("http://127.0.0.1:{}/f.zip?sign=SECRET-IN-QUERY", server.port()); }
  RawServer server;
};

TEST(HttpClient, StreamsTheBodyOfA200AndCollectsEveryOther) {
  const std::string long_text(300'000, 'x');
  struct Case {
    const char* status;
    bool with_length;
    std::string streamed, body;
  };
  HttpClient client;
  for (const Case& c : {Case{"200 OK", true, long_text, ""}, Case{"200 OK", false, long_text, ""},
                        Case{"403 Forbidden", true, "", "denied"}, Case{"206 Partial Content", true, "", "part"},
                        Case{"503 Service Unavailable", false, "", "later"}}) {
    SCOPED_TRACE(c.status);
    const BodyServer there(c.streamed + c.body, c.status, c.with_length);
    Request request = get(there.url());
    request.body_cap = long_text.size();
    std::string streamed;
    int pieces = 0;
    request.on_body = [&](std::string_view piece) {
      streamed += piece;
      ++pieces;
      return true;
    };
    const HttpResponse response = client.fetch(request);
    EXPECT_EQ(response.failure, HttpFailure::none) << response.failure_text;
    EXPECT_TRUE(streamed == c.streamed) << streamed.size();
    EXPECT_EQ(pieces > 1, !c.streamed.empty()) << pieces;
    EXPECT_EQ(response.body, c.body);
  }
}

TEST(HttpClient, CapsWhatItStreamsAndWhatComesInsteadOfIt) {
  struct Case {
    const char* status;
    bool with_length;
    std::size_t size;
    int status_before;
  };
  HttpClient client;
  for (const Case& c :
       {Case{"200 OK", true, 100'001, 200}, Case{"200 OK", false, 100'001, 200},
        Case{"404 Not Found", true, kOtherBodyCap + 1, 404}, Case{"404 Not Found", false, kOtherBodyCap + 1, 404}}) {
    SCOPED_TRACE(fmt::format("{}, {}", c.status, c.with_length));
    const BodyServer there(std::string(c.size, 'x'), c.status, c.with_length);
    Request request = get(there.url());
    request.body_cap = 100'000;
    std::size_t streamed = 0;
    request.on_body = [&streamed](std::string_view piece) {
      streamed += piece.size();
      return true;
    };
    const HttpResponse response = client.fetch(request);
    EXPECT_EQ(response.failure, HttpFailure::too_large) << response.failure_text;
    EXPECT_EQ(response.status_before_body, c.status_before);
    EXPECT_LE(streamed, 100'000U);
    EXPECT_TRUE(response.body.empty());
  }
}

TEST(HttpClient, EndsAStreamWhoseReceiverHadEnough) {
  const BodyServer there(std::string(300'000, 'x'));
  HttpClient client;
  Request request = get(there.url());
  request.body_cap = 1'000'000;
  std::size_t streamed = 0;
  request.on_body = [&streamed](std::string_view piece) { return (streamed += piece.size()) < 20'000; };
  const HttpResponse response = client.fetch(request);
  EXPECT_EQ(response.failure, HttpFailure::cancelled);
  EXPECT_EQ(response.status, 0);
  EXPECT_TRUE(response.failure_text.ends_with(": told to stop")) << response.failure_text;
  EXPECT_LT(streamed, 300'000U);
  request.on_body = [](std::string_view) { return true; };
  EXPECT_EQ(client.fetch(request).status, 200) << "the client is usable after that";
}

TEST(HttpClient, LetsTheReceiverGoAndTakesOtherRequestsAfterOneWithASecretUrl) {
  const BodyServer there(std::string(100'000, 'x'));
  auto held = std::make_shared<int>(1);
  HttpClient client;
  const UniqueFd closed(::eventfd(1, EFD_CLOEXEC));
  struct Case {
    const char* url;  ///< nullptr: the server's
    bool goes_on;
    int cancel_fd;
    HttpFailure failure;
  };
  for (const Case& c : {Case{nullptr, true, -1, HttpFailure::none}, Case{nullptr, false, -1, HttpFailure::cancelled},
                        Case{nullptr, true, closed.get(), HttpFailure::cancelled},
                        Case{"http://hooks.example/?sign=SECRET-IN-QUERY", true, -1, HttpFailure::refused},
                        Case{"http://127.0.0.1:1/?sign=SECRET-IN-QUERY", true, -1, HttpFailure::network}}) {
    SCOPED_TRACE(to_string(c.failure));
    Request request = get(c.url == nullptr ? there.url() : c.url);
    request.secret_url = true;
    request.body_cap = 1'000'000;
    request.on_body = [held, &c](std::string_view) { return c.goes_on; };
    const HttpResponse response = client.fetch(std::move(request), c.cancel_fd);
    EXPECT_EQ(response.failure, c.failure) << response.failure_text;
    EXPECT_EQ(response.failure_text.find("SECRET-IN-QUERY"), std::string::npos) << response.failure_text;
    EXPECT_EQ(held.use_count(), 1);
  }
  EXPECT_EQ(client.in_flight(), 0U);
  EXPECT_EQ(client.fetch(get(there.url())).failure, HttpFailure::too_large) << "the next request is as any other";
}

TEST(HttpClient, CountsInterimAnswersAgainstTheHeaderCap) {
  RawServer server(0, std::nullopt, [](Connection& connection) {
    if (!connection.read_request()) return;
    while (connection.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")) {
    }
  });
  HttpClient client;
  EXPECT_EQ(client.fetch(get("http://127.0.0.1:" + std::to_string(server.port()))).failure, HttpFailure::too_large);
}

TEST(HttpClient, TakesHeadersOfTheFinalAnswerOnly) {
  RawServer server(0, std::nullopt, [](Connection& connection) {
    if (!connection.read_request()) return;
    connection.send(
        "HTTP/1.1 103 Early\r\nDate: early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nok\r\n0\r\nDate: trailer\r\n\r\n");
  });
  HttpClient client;
  const HttpResponse response = client.fetch(get("http://127.0.0.1:" + std::to_string(server.port())));
  EXPECT_EQ(response.body, "ok");
  EXPECT_EQ(response.header("date"), "");
}

TEST(HttpClient, NeverSendsWhatIsNotAllowed) {
  Receiver receiver;
  HttpClient client;
  const auto with_header = [&](std::string name, std::string value) {
    Request request = get(receiver.url());
    request.headers = {{std::move(name), std::move(value)}};
    return request;
  };
  std::vector<Request> bad{with_header("X-Value", "a\r\nInjected: yes"),
                           with_header("X-Value", "a\nb"),
                           with_header("X-Value", std::string("a\0b", 3)),
                           with_header("Bad name", "x"),
                           with_header("Bad:name", "x"),
                           with_header("", "x"),
                           get(receiver.url() + "/\r\nInjected: yes"),
                           get("http://scf.test/?SECRET"),
                           get("https://user:SECRET@scf.test/"),
                           get("ftp://127.0.0.1/")};
  bad.push_back(get(receiver.url()));
  bad.back().method = "GET / HTTP/1.1\r\nX:";
  for (const Request& request : bad) {
    bool called = false;
    HttpResponse response;
    client.start(request, [&](HttpResponse r) { called = true, response = std::move(r); });
    EXPECT_FALSE(called) << "never inside start";
    EXPECT_EQ(client.in_flight(), 1U);
    client.turn(Millis{0});
    ASSERT_TRUE(called);
    EXPECT_EQ(response.failure, HttpFailure::refused);
    EXPECT_EQ(response.failure_text.find("SECRET"), std::string::npos) << response.failure_text;
  }
  EXPECT_EQ(receiver.count(), 0U);
}

TEST(HttpClient, VerifiesTheServersCertificate) {
  const TempDir dir;
  TestCa ca(dir.path().string());
  TestCa stranger(dir.path().string(), "stranger");
  struct Case {
    TlsFiles server;
    std::string ca_file;
    HttpFailure failure;
  };
  HttpClient client;
  for (const Case& c :
       {Case{ca.server(), ca.certificate_file(), HttpFailure::none},
        Case{ca.expired_server(), ca.certificate_file(), HttpFailure::tls},
        Case{ca.wrong_name_server(), ca.certificate_file(), HttpFailure::tls},
        Case{stranger.server(), ca.certificate_file(), HttpFailure::tls},
        Case{ca.server(), dir / "no-such-file.pem", HttpFailure::unusable}, Case{ca.server(), "", HttpFailure::tls}}) {
    Receiver receiver(ReceiverOptions{0, c.server});
    Request request = get(receiver.url());
    request.ca_file = c.ca_file;
    const HttpResponse response = client.fetch(request);
    EXPECT_EQ(response.failure, c.failure) << response.failure_text;
    EXPECT_EQ(receiver.count(), c.failure == HttpFailure::none ? 1U : 0U);
  }
}

TEST(HttpClient, ShowsItsCertificateWhereOneIsAskedFor) {
  const TempDir dir;
  TestCa ca(dir.path().string());
  TlsFiles server = ca.server();
  server.client_ca = ca.certificate_file();
  Receiver receiver(ReceiverOptions{0, server});
  HttpClient client;
  Request request = get(receiver.url());
  request.ca_file = ca.certificate_file();
  EXPECT_NE(client.fetch(request).failure, HttpFailure::none);
  const TlsFiles mine = ca.client();
  request.client_cert_file = mine.certificate;
  request.client_key_file = mine.key;
  EXPECT_EQ(client.fetch(request).status, 204);
  request.client_cert_file = request.client_key_file = "";
  EXPECT_NE(client.fetch(request).failure, HttpFailure::none)
      << "a connection with a certificate is not shared without";
  request.client_cert_file = request.client_key_file = dir / "missing.pem";
  EXPECT_EQ(client.fetch(request).failure, HttpFailure::unusable);
}

TEST(HttpClient, ReportsAHandshakeThatBreaksOffAsNetwork) {
  RawServer server(0, std::nullopt, [](Connection& connection) {
    connection.wait_readable();
    connection.reset();
  });
  HttpClient client;
  const HttpResponse response = client.fetch(get("https://127.0.0.1:" + std::to_string(server.port())));
  EXPECT_EQ(response.failure, HttpFailure::network) << response.failure_text;
}

TEST(HttpClient, UsesTheEnvironmentsProxyButNeverToLoopbackOrAgainstItsOrders) {
  std::atomic<int> connects{0};
  RawServer proxy(0, std::nullopt, [&](Connection& connection) {
    const auto request = connection.read_request();
    if (!request) return;
    connects += request->method == "CONNECT" ? 1 : 0;
    connection.send("HTTP/1.1 403 Forbidden\r\nDate: proxy\r\nContent-Length: 0\r\n\r\n");
  });
  Receiver receiver;
  const std::string url = "http://127.0.0.1:" + std::to_string(proxy.port());
  const Variable https("https_proxy", url);
  const Variable http("http_proxy", url);
  HttpClient client;
  const HttpResponse refused = client.fetch(get("https://far.test/"));
  EXPECT_EQ(refused.failure, HttpFailure::network) << refused.failure_text;
  EXPECT_EQ(refused.header("date"), "") << "the proxy's headers are not the server's";
  EXPECT_EQ(connects, 1);
  EXPECT_EQ(client.fetch(get(receiver.url())).status, 204) << "loopback is called directly";
  Request direct = get("https://far.test/");
  direct.no_proxy = true;
  EXPECT_EQ(client.fetch(direct).failure, HttpFailure::network);
  EXPECT_EQ(connects, 1);
}

TEST(HttpClient, ShowsTheProxyItsUserAndNobodyElse) {
  Guarded<std::string> authorization;
  RawServer proxy(0, std::nullopt, [&](Connection& connection) {
    const auto request = connection.read_request();
    if (request) *authorization.lock() = std::string(request->header("proxy-authorization"));
    connection.send("HTTP/1.1 407 Authentication Required\r\nContent-Length: 0\r\n\r\n");
  });
  const Variable https("https_proxy", fmt::format("http://bob:S3cret%2FPass@127.0.0.1:{}", proxy.port()));
  HttpClient client;
  const HttpResponse response = client.fetch(get("https://far.test/"));
  EXPECT_EQ(response.failure, HttpFailure::network);
  EXPECT_EQ(authorization.copy(), "Basic Ym9iOlMzY3JldC9QYXNz") << "bob:S3cret/Pass";
  EXPECT_EQ(response.failure_text.find("bob"), std::string::npos) << response.failure_text;
}

TEST(HttpClient, SaysWhichProxySettingItCannotReadAndNothingOfItsValue) {
  for (const char* value :
       {"http://bob:S3cret/Pass@10.9.8.8:3128", "http://bob:S3cret@Pass@10.9.8.8:3128",
        "http://bob:S3cret#Pass@10.9.8.8", "http://bob:S3cret?Pass@10.9.8.8", "http://bob:S3cret Pass@10.9.8.8",
        "ftp://bob:S3cretPass@10.9.8.8", "http://bob:S3cretPass@10.9.8.8:99999", "bob:S3cret/Pass@10.9.8.8"}) {
    const Variable https("HTTPS_PROXY", value);
    HttpClient client;
    const HttpResponse response = client.fetch(get("https://far.test/"));
    EXPECT_EQ(response.failure, HttpFailure::refused);
    EXPECT_NE(response.failure_text.find("HTTPS_PROXY"), std::string::npos) << response.failure_text;
    EXPECT_EQ(response.failure_text.find("bob"), std::string::npos) << response.failure_text;
    EXPECT_EQ(response.failure_text.find("S3cret"), std::string::npos) << response.failure_text;
  }
}

TEST(HttpClient, TakesOverACertificateFileThatWasRewrittenWhenToldTo) {
  TempDir dir;
  const TestCa first(dir.path().string(), "first"), second(dir.path().string(), "second");
  TestCa signing(dir.path().string(), "signing");
  Receiver receiver(ReceiverOptions{0, signing.server()});
  const std::string trusted = dir / "trusted.pem";
  const auto trust = [&](const TestCa& ca) {
    std::filesystem::copy_file(ca.certificate_file(), trusted, std::filesystem::copy_options::overwrite_existing);
  };
  HttpClient client;
  Request request = get(receiver.url());
  request.ca_file = trusted;
  trust(first);
  EXPECT_EQ(client.fetch(request).failure, HttpFailure::tls);
  trust(signing);
  client.read_files_again();
  EXPECT_EQ(client.fetch(request).status, 204);
  trust(second);
  EXPECT_EQ(client.fetch(request).status, 204) << "nobody said that it may be another one";
  client.read_files_again();
  EXPECT_EQ(client.fetch(request).failure, HttpFailure::tls) << "neither the kept connection nor the session counts";
}

TEST(HttpClient, LeavesAConnectionThatBroughtA5xxOr429) {
  for (const char* status : {"503 Busy", "500 Broken", "429 Later"}) {
    RawServer server(0, std::nullopt, [&](Connection& connection) {
      while (connection.wait_readable() && connection.read_request()) {
        if (!connection.send(fmt::format("HTTP/1.1 {}\r\nContent-Length: 0\r\n\r\n", status))) return;
      }
    });
    HttpClient client;
    for (uint64_t n = 1; n <= 3; ++n) {
      client.fetch(get(fmt::format("http://127.0.0.1:{}", server.port())));
      EXPECT_EQ(server.connections(), n) << status;
    }
  }
}

TEST(HttpClient, MakesANewConnectionWhereOneIsAskedFor) {
  RawServer server(0, std::nullopt, answer_ok);
  HttpClient client;
  Request request = get(fmt::format("http://127.0.0.1:{}", server.port()));
  EXPECT_EQ(client.fetch(request).body, "ok");
  request.new_connection = true;
  EXPECT_EQ(client.fetch(request).body, "ok");
  EXPECT_EQ(server.connections(), 2U);
  request.new_connection = false;
  EXPECT_EQ(client.fetch(request).body, "ok");
  EXPECT_EQ(server.connections(), 2U);
}

TEST(HttpClient, FindsAHostByItsName) {
  RawServer server(0, std::nullopt, answer_ok);
  HttpClient client;
  Request request = get(fmt::format("http://scf.test:{}", server.port()));
  request.plain_http_anywhere = true;
  EXPECT_EQ(client.fetch(request).body, "ok");
  EXPECT_EQ(client.fetch(request).body, "ok");
  EXPECT_EQ(server.connections(), 1U);
  const HttpResponse unknown = client.fetch(get("https://unknown.test/"));
  EXPECT_EQ(unknown.failure, HttpFailure::network);
  EXPECT_NE(unknown.failure_text.find("Could not resolve host: unknown.test"), std::string::npos);
}

TEST(HttpClient, ASilentNameServerTakesFewThreadsHoweverManyAsk) {
  HttpClient client;
  int open = 0;
  for (int i = 0; i < 300; ++i) {
    ++open;
    client.start(get(fmt::format("https://hangs{}.test/", i % 60), Millis{50}), [&](const HttpResponse& response) {
      EXPECT_EQ(response.failure, HttpFailure::timeout);
      --open;
    });
    client.turn(Millis{0});
  }
  while (open > 0) client.turn(Millis{1000});
  EXPECT_LE(most_hanging, static_cast<int>(kLookupThreads));
  EXPECT_GT(most_hanging, 0);
  let_go = true;
  bool answered = false;
  client.start(get("https://after.test/"), [&](const HttpResponse& response) {
    EXPECT_EQ(response.failure, HttpFailure::network);
    answered = true;
  });
  while (!answered) client.turn(Millis{1000});
}

TEST(HttpClient, SaysThatDescriptorsAreWhatIsMissing) {
  RawServer server(0, std::nullopt, answer_ok);
  RawServer another(0, std::nullopt, answer_ok);
  HttpClient client;
  // What ends well and what fails, once each: UBSan needs a pipe to look at an object of a class it sees first.
  EXPECT_EQ(client.fetch(get(fmt::format("http://127.0.0.1:{}", another.port()))).status, 200);
  EXPECT_EQ(client.fetch(get("http://127.0.0.1:1")).failure, HttpFailure::network);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  std::vector<UniqueFd> taken;
  rlimit low = before;
  low.rlim_cur = 64;
  ::setrlimit(RLIMIT_NOFILE, &low);
  for (;;) {
    UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) break;
    taken.push_back(std::move(fd));
  }
  const HttpResponse response = client.fetch(get(fmt::format("http://127.0.0.1:{}", server.port())));
  taken.clear();
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(response.failure, HttpFailure::network) << response.status;
  EXPECT_NE(response.failure_text.find("no file descriptors left (EMFILE)"), std::string::npos)
      << response.failure_text;
}

TEST(HttpClient, ASlowNameServerHoldsUpNobody) {
  Receiver receiver;
  const SystemClock clock;
  const MonoTime start = clock.mono();
  {
    HttpClient client;
    Request slow = get("https://slow.test/", Millis{600});
    slow.no_proxy = true;
    HttpResponse slow_response;
    HttpResponse quick_response;
    int open = 2;
    client.start(slow, [&](HttpResponse r) { slow_response = std::move(r), --open; });
    client.start(get(receiver.url()), [&](HttpResponse r) { quick_response = std::move(r), --open; });
    while (open > 0) client.turn(Millis{1000});
    EXPECT_EQ(slow_response.failure, HttpFailure::timeout) << slow_response.failure_text;
    EXPECT_EQ(quick_response.status, 204);
    EXPECT_LT(quick_response.took, Millis{550});
    client.start(slow, [](HttpResponse) { FAIL() << "given up with the client"; });
    client.turn(Millis{1});
  }
  EXPECT_LT(clock.mono() - start, Millis{3000}) << "neither the deadline nor the end waits for the name server";
}

TEST(HttpClient, HoldsTheDeadlineAlsoForRequestsThatWaitForAConnection) {
  RawServer server(0, std::nullopt, [](Connection& connection) { connection.wait_for_peer_to_leave(); });
  HttpClient client;
  int timeouts = 0;
  Millis longest{0};
  for (int i = 0; i < 200; ++i) {
    client.start(get("http://127.0.0.1:" + std::to_string(server.port()), Millis{1000}), [&](HttpResponse response) {
      timeouts += response.failure == HttpFailure::timeout ? 1 : 0;
      longest = std::max(longest, response.took);
    });
  }
  while (timeouts == 0 && server.connections() < 64) client.turn(Millis{10});
  EXPECT_LE(server.connections(), 64U) << "as the first time out, others get their turn; until then they wait";
  while (client.in_flight() > 0) client.turn(Millis{1000});
  EXPECT_EQ(timeouts, 200);
  EXPECT_LT(longest, Millis{3000});
}

TEST(HttpClient, CarriesManyAtOnceOverAtMost64Connections) {
  RawServer server(0, std::nullopt, answer_ok);
  HttpClient client;
  int good = 0;
  int to_start = 500;
  const std::string url = "http://127.0.0.1:" + std::to_string(server.port());
  std::function<void(HttpResponse)> done = [&](HttpResponse response) {
    good += response.body == "ok" ? 1 : 0;
    if (--to_start >= 0) client.start(get(url), done);  // a callback may start the next
  };
  for (int i = 0; i < 200; ++i) client.start(get(url), done);
  while (client.in_flight() > 0) client.turn(Millis{1000});
  EXPECT_EQ(good, 700);
  EXPECT_LE(server.connections(), 64U);
}

TEST(HttpClient, WakeEndsTheWait) {
  HttpClient client;
  const SystemClock clock;
  const MonoTime start = clock.mono();
  std::jthread other([&client] { client.wake(); });
  client.turn(Millis{30'000});
  EXPECT_LT(clock.mono() - start, Millis{10'000});
}

TEST(HttpClient, FetchStopsWhenToldTo) {
  RawServer server(0, std::nullopt, [](Connection& connection) { connection.wait_for_peer_to_leave(); });
  const Request request = get("http://127.0.0.1:" + std::to_string(server.port()), Millis{20'000});
  HttpClient client;
  const UniqueFd event(::eventfd(1, EFD_CLOEXEC));  // readable from the start
  const HttpResponse response = client.fetch(request, event.get());
  EXPECT_EQ(response.failure, HttpFailure::cancelled);
  EXPECT_LT(response.took, Millis{10'000});

  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  std::jthread closer([&writer] { writer.reset(); });
  EXPECT_EQ(client.fetch(request, reader.get()).failure, HttpFailure::cancelled) << "a closed pipe says stop as well";
  EXPECT_EQ(client.in_flight(), 0U);
}

TEST(HttpClient, ACallbackThatThrowsLosesNobodyElsesAnswer) {
  Receiver receiver;
  HttpClient client;
  int answered = 0;
  for (int i = 0; i < 3; ++i)
    client.start(get(receiver.url()), [&](HttpResponse) { ++answered, throw std::runtime_error("x"); });
  int thrown = 0;
  while (client.in_flight() > 0) {
    try {
      client.turn(Millis{1000});
    } catch (const std::runtime_error&) {
      ++thrown;
    }
  }
  EXPECT_EQ(answered, 3);
  EXPECT_EQ(thrown, 3);
}

}  // namespace
}  // namespace codedriftd::test
