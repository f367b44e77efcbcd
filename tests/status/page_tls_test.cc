/// The page over TLS and behind a token, as clients of other machines have it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/freed_by.h"
#include "base/guarded.h"
#include "base/unique_fd.h"
#include "status/status_page.h"
#include "support/raw_client.h"
#include "support/temp_dir.h"
#include "support/test_ca.h"

namespace codedriftd::test {
namespace {

constexpr char kPageToken[] = "fake-token-0123456789abcdef";

class PageTlsTest : public testing::Test {
 protected:
  PageTlsTest() {
    settings.listen = "127.0.0.1:0";
    settings.token_file = dir.path() / "page.token";
    std::ofstream(settings.token_file) << kPageToken;
    std::filesystem::permissions(settings.token_file, std::filesystem::perms::owner_read);
    use(ca.server());
  }
  void use(const TlsFiles& files) {
    settings.tls_certificate = files.certificate;
    settings.tls_key = files.key;
  }
  void open() {
    StatusPage::Source source;
    source.metrics = [](ExpositionFormat) { return std::string("codedriftd_build_info 1\n"); };
    source.healthy = [this] { return std::vector<HealthCheck>{{"poller", well, "a detail"}}; };
    source.ready = source.healthy;
    source.site = [this](const WebRequest&) { return WebReply{200, "text/html; charset=utf-8", body}; };
    auto opened = StatusPage::open(settings, std::move(source));
    ASSERT_TRUE(opened) << opened.error().message;
    page = std::move(*opened);
  }
  httplib::SSLClient& client(bool with_token, const TestCa& authority) {
    auto asks = std::make_unique<httplib::SSLClient>("127.0.0.1", page->port());
    asks->set_ca_cert_path(authority.certificate_file().c_str());
    asks->enable_server_certificate_verification(true);
    if (with_token) asks->set_bearer_token_auth(kPageToken);
    return *clients.emplace_back(std::move(asks));
  }

  TempDir dir;
  TestCa ca{dir.path().string()};
  HttpSettings settings;
  bool well = true;
  std::string body = "<p>a page</p>";
  std::unique_ptr<StatusPage> page;
  std::vector<std::unique_ptr<httplib::SSLClient>> clients;
};

TEST_F(PageTlsTest, AnswersOverTlsWhoShowsTheTokenAndNobodyElse) {
  open();
  auto &with = client(true, ca), &without = client(false, ca);
  for (const char* path : {"/", "/metrics", "/api/v1/status", "/openapi.json", "/assets/page.css"}) {
    const auto let_in = with.Get(path);
    ASSERT_TRUE(let_in) << path << httplib::to_string(let_in.error());
    EXPECT_EQ(let_in->status, 200) << path;
    const auto refused = without.Get(path);
    ASSERT_TRUE(refused) << path;
    EXPECT_EQ(refused->status, 401) << path;
    EXPECT_EQ(refused->get_header_value_count("WWW-Authenticate"), 2U);
    EXPECT_EQ(refused->body.find("a page"), std::string::npos);
  }
  httplib::SSLClient browser("127.0.0.1", page->port());
  browser.set_ca_cert_path(ca.certificate_file().c_str());
  browser.set_basic_auth("anybody", kPageToken);
  EXPECT_EQ(browser.Get("/")->status, 200);
  browser.set_basic_auth(kPageToken, "wrong");
  EXPECT_EQ(browser.Get("/")->status, 401);
}

TEST_F(PageTlsTest, AProbeWithoutTheTokenIsToldNoMoreThanWhetherItIsWell) {
  open();
  auto &with = client(true, ca), &without = client(false, ca);
  EXPECT_EQ(without.Get("/healthz?verbose")->body, "ok\n");
  EXPECT_EQ(with.Get("/healthz?verbose")->body, "ok   poller: a detail\nok\n");
  well = false;
  const auto sick = without.Get("/readyz");
  EXPECT_EQ(sick->status, 503);
  EXPECT_EQ(sick->body, "not ok\n");
  EXPECT_EQ(with.Get("/readyz")->body, "FAIL poller: a detail\nnot ok\n");
}

TEST_F(PageTlsTest, ALongReplyArrivesWhole) {
  body.clear();
  for (int i = 0; i < 400'000; ++i) body += std::to_string(i) + "\n";
  open();
  const auto reply = client(true, ca).Get("/");
  ASSERT_TRUE(reply) << httplib::to_string(reply.error());
  EXPECT_TRUE(reply->body == body);
}

TEST_F(PageTlsTest, WhoSpeaksNoTlsOrBreaksOffInTheHandshakeDelaysNobody) {
  open();
  const RawClient plain(page->port(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(plain.rest().find("a page"), std::string::npos);
  std::vector<RawClient> broken;
  for (int i = 0; i < 100; ++i)
    broken.emplace_back(page->port(), std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                                                       static_cast<std::size_t>(i % 12)));
  EXPECT_EQ(client(true, ca).Get("/")->status, 200);
}

/// A client that finishes its handshake and then sends nothing but messages of TLS itself.
class KeyUpdates {
 public:
  explicit KeyUpdates(int port) : context_(SSL_CTX_new(TLS_client_method())), tls_(SSL_new(context_.get())) {
    fd_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                 SSL_set_fd(tls_.get(), fd_.get()) == 1 && SSL_connect(tls_.get()) == 1;
  }
  bool connected() const { return connected_; }
  /// False once the other side has hung up.
  bool send_one() {
    return SSL_key_update(tls_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(tls_.get()) == 1;
  }

 private:
  UniqueFd fd_;
  std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreedBy<SSL_free>> tls_;
  bool connected_ = false;
};

TEST_F(PageTlsTest, WhoSendsKeyUpdatesWithoutEndIsHungUpOnAndDelaysNobody) {
  open();
  std::vector<std::jthread> attackers;
  Guarded<int> ended;
  for (int i = 0; i < 4; ++i) {
    attackers.emplace_back([&] {
      KeyUpdates updates(page->port());
      EXPECT_TRUE(updates.connected());
      while (updates.send_one()) {
      }
      ++*ended.lock();
    });
  }
  const SystemClock clock;
  for (int i = 0; i < 5; ++i) {
    const MonoTime asked = clock.mono();
    const auto reply = client(false, ca).Get("/healthz");
    ASSERT_TRUE(reply) << httplib::to_string(reply.error());
    EXPECT_LT(clock.mono() - asked, Millis{2'000});
  }
  attackers.clear();
  EXPECT_EQ(ended.copy(), 4);
}

TEST_F(PageTlsTest, ARenewedCertificateAndTokenCountForWhoComesNext) {
  open();
  EXPECT_EQ(client(true, ca).Get("/")->status, 200);
  TestCa renewed(dir.path().string(), "renewed");
  use(renewed.server());
  settings.token_file = dir.path() / "other.token";
  std::ofstream(settings.token_file) << "another-fake-token-0123456789";
  std::filesystem::permissions(settings.token_file, std::filesystem::perms::owner_read);
  auto access = Access::load(settings);
  ASSERT_TRUE(access) << access.error().message;
  page->admit(std::move(*access));
  EXPECT_FALSE(client(true, ca).Get("/"));
  EXPECT_EQ(client(true, renewed).Get("/")->status, 401);
}

TEST_F(PageTlsTest, OnAnAddressOfOtherMachinesItListensWithTokenAndTlsOnly) {
  settings.listen = "0.0.0.0:0";
  open();
  EXPECT_EQ(client(true, ca).Get("/")->status, 200);
  page.reset();
  for (const bool token : {true, false}) {
    HttpSettings half = settings;
    if (token) {
      half.tls_certificate.clear();
      half.tls_key.clear();
    } else {
      half.token_file.clear();
    }
    const auto refused = StatusPage::open(half, {});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("needs token_file, tls_certificate and tls_key"), std::string::npos);
  }
}

TEST_F(PageTlsTest, EveryReplyForbidsABrowserToLoadFromElsewhereOrToBeFramed) {
  open();
  auto& asks = client(true, ca);
  auto& without = client(false, ca);
  for (const auto& reply :
       {asks.Get("/"), asks.Get("/metrics"), asks.Get("/healthz"), asks.Delete("/"), without.Get("/")}) {
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->get_header_value("Content-Security-Policy").find("default-src 'none'; style-src 'self'"), 0U);
    EXPECT_NE(reply->get_header_value("Content-Security-Policy").find("frame-ancestors 'none'"), std::string::npos);
    EXPECT_EQ(reply->get_header_value("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(reply->get_header_value("Referrer-Policy"), "no-referrer");
    EXPECT_EQ(reply->get_header_value("Cache-Control"), "no-store");
  }
}

}  // namespace
}  // namespace codedriftd::test
