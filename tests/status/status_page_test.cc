#include "status/status_page.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include "support/raw_client.h"

namespace codedriftd::test {
namespace {

class StatusPageTest : public testing::Test {
 protected:
  StatusPageTest() {
    StatusPage::Source source;
    source.metrics = [this](ExpositionFormat format) {
      return format == ExpositionFormat::openmetrics ? metrics + "# EOF\n" : metrics;
    };
    source.healthy = [this] { return std::vector<HealthCheck>{{"poller", poller_ok, "last came round 5 ms ago"}}; };
    source.ready = [this]() -> std::vector<HealthCheck> {
      if (throws) throw std::runtime_error("the store is closed");
      return {{"started", true, "all of the start list is up"}};
    };
    source.site = [](const WebRequest& request) {
      return WebReply{request.path == "/" ? 200 : 404, "text/html; charset=utf-8", request.value("q")};
    };
    auto opened = StatusPage::open({"127.0.0.1:0"}, std::move(source));
    EXPECT_TRUE(opened.ok());
    page = std::move(*opened);
    client = std::make_unique<httplib::Client>("127.0.0.1", page->port());
  }

  std::string metrics = "codedriftd_build_info 1\n";
  bool poller_ok = true;
  bool throws = false;
  std::unique_ptr<StatusPage> page;
  std::unique_ptr<httplib::Client> client;
};

TEST_F(StatusPageTest, ServesMetricsInTheExpositionFormat) {
  const auto response = client->Get("/metrics");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, metrics);
  EXPECT_EQ(response->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(response->get_header_value("Vary"), "Accept");
}

TEST_F(StatusPageTest, ServesOpenMetricsToWhoeverAsksForIt) {
  const auto response = client->Get("/metrics", {{"Accept", "application/openmetrics-text;version=1.0.0,*/*;q=0.1"}});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, metrics + "# EOF\n");
  EXPECT_EQ(response->get_header_value("Content-Type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

TEST_F(StatusPageTest, AnswersHead) {
  const auto response = client->Head("/healthz");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "");
}

TEST_F(StatusPageTest, IsUnhealthyWhenALoopDoesNotComeRoundAndSaysWhich) {
  EXPECT_EQ(client->Get("/healthz")->status, 200);
  poller_ok = false;
  const auto response = client->Get("/livez");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 503);
  EXPECT_NE(response->body.find("FAIL poller"), std::string::npos);
}

TEST_F(StatusPageTest, ListsItsChecksWhenAsked) {
  EXPECT_EQ(client->Get("/readyz")->body, "ok\n");
  EXPECT_NE(client->Get("/readyz?verbose")->body.find("ok   started: all of the start list is up"), std::string::npos);
}

TEST_F(StatusPageTest, ACallbackThatThrowsIsNotAvailable) {
  throws = true;
  EXPECT_EQ(client->Get("/readyz")->status, 503);
}

TEST_F(StatusPageTest, RefusesEverythingButGetAndHead) {
  EXPECT_EQ(client->Put("/metrics")->status, 405);
  EXPECT_EQ(client->Delete("/metrics")->status, 405);
  EXPECT_EQ(client->Options("/metrics")->status, 405);
}

TEST_F(StatusPageTest, RefusesABodyBeforeReadingIt) {
  const auto response = client->Post("/metrics", std::string(100'000, 'x'), "text/plain");
  if (response) {
    EXPECT_EQ(response->status, 413);
  }
  EXPECT_EQ(client->Get("/metrics")->status, 200);
}

TEST_F(StatusPageTest, AListOfRangesIsIgnored) {
  metrics = std::string(1000, 'm');
  std::string many = "bytes=0-";
  for (int i = 0; i < 1000; ++i) many += ",0-";
  for (const std::string& range : {std::string("bytes=0-9"), std::string("nonsense"), many}) {
    const auto response = client->Get("/metrics", {{"Range", range}});
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 200) << range.substr(0, 20);
    EXPECT_EQ(response->body, metrics);
  }
}

TEST_F(StatusPageTest, AHeadWhoseLinesEndOtherwiseThanWithCrLfIsRefusedBeforeItsFieldsAreRead) {
  std::string ranges = "bytes=0-0";
  while (ranges.size() < 7'000) ranges += ",0-0";
  for (const std::string& smuggled : {"X: a\nRange: " + ranges, "X: a\rRange: " + ranges,
                                      std::string("X: a\nContent-Length: 100000"), std::string("X: a\0b", 6)}) {
    const std::string reply =
        RawClient(page->port(), "GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + smuggled + "\r\n\r\n").rest();
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 400 ")) << smuggled.substr(0, 20) << reply.substr(0, 40);
  }
}

TEST_F(StatusPageTest, ALongPathIsOneLikeAnyOther) {
  const std::string path(8'000, 'a');
  const std::string reply = RawClient(page->port(), "GET /" + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n").rest();
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 404 ")) << reply.substr(0, 40);
}

TEST_F(StatusPageTest, AnswersOnlyToNamesThatMeanThisMachine) {
  for (const char* host :
       {"localhost", "LOCALHOST:9817", "codedriftd.localhost", "127.0.0.1:9817", "[::1]:9817", "::1", "10.1.2.3"})
    EXPECT_EQ(client->Get("/metrics", {{"Host", host}})->status, 200) << host;
  for (const char* host :
       {"rebound.example.com", "rebound.example.com:9817", "localhost.example.com", "127.0.0.1.nip.io", "[evil"})
    EXPECT_EQ(client->Get("/metrics", {{"Host", host}})->status, 421) << host;
}

TEST_F(StatusPageTest, EveryOtherPathIsTheSites) {
  EXPECT_EQ(client->Get("/?q=a%2Fb")->body, "a/b");
  EXPECT_EQ(client->Get("/nothing")->status, 404);
  EXPECT_EQ(client->Head("/")->status, 200);
}

TEST_F(StatusPageTest, RefusesEveryMethodThatMayChangeSomethingAndWhatIsNone) {
  for (const char* method :
       {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "PRI", "BREW", "get", ""}) {
    const std::string reply =
        RawClient(page->port(), std::string(method) + " /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").rest();
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 405 ") || reply.starts_with("HTTP/1.1 400 ")) << method << ": " << reply;
    EXPECT_EQ(reply.find("build_info"), std::string::npos) << method;
  }
}

TEST_F(StatusPageTest, SaysSoWhenItCannotListen) {
  const auto second = StatusPage::open({"127.0.0.1:" + std::to_string(page->port())}, {});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("in use by another program"), std::string::npos) << second.error().message;
}

}  // namespace
}  // namespace codedriftd::test
