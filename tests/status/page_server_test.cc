#include "status/page_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <new>
#include <optional>

#include "status/status_page.h"
#include "support/raw_client.h"

namespace codedriftd::test {
namespace {

constexpr Millis kSoon{20'000};

std::unique_ptr<PageServer> open(PageServer::Answer answer, PageServer::Options options = {}) {
  auto opened = PageServer::open("127.0.0.1", 0, options, std::move(answer));
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

std::string echo(const std::string& head) { return "(" + head + ")"; }

int64_t resident_kib() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("VmRSS:")) return std::stoll(line.substr(6));
  return 0;
}

TEST(PageServer, AnswersAHeadThatComesInPiecesAndHangsUp) {
  const auto server = open(echo);
  const RawClient client(server->port(), "GET / HT");
  EXPECT_TRUE(client.send("TP/1.1\r\nHost: x\r\n\r"));
  EXPECT_TRUE(client.send("\nand more"));
  EXPECT_EQ(client.rest(), "(GET / HTTP/1.1\r\nHost: x\r\n\r\n)");
}

TEST(PageServer, AHeadWithoutEndIsRefusedAtItsBoundWhateverItIsMadeOf) {
  const auto server = open(echo);
  for (const std::string& endless : {std::string(1'000'000, 'x'), "GET / HTTP/1.1\r\nA: " + std::string(1'000'000, 'y'),
                                     "GET / HTTP/1.1\r\n" + std::string(9'000, 'z') + "\r\n\r\n"}) {
    const RawClient client(server->port());
    client.send(endless);
    EXPECT_TRUE(client.rest().starts_with("HTTP/1.1 431 ")) << endless.substr(0, 20);
  }
  const std::string longest = "GET / HTTP/1.1\r\n" + std::string(8 * 1024 - 20, 'z') + "\r\n\r\n";
  EXPECT_EQ(RawClient(server->port(), longest).rest(), "(" + longest + ")");
}

TEST(PageServer, WhoSaysNothingIsHungUpOnAtItsDeadline) {
  PageServer::Options options;
  options.read_within = Millis{50};
  const auto server = open(echo, options);
  EXPECT_EQ(RawClient(server->port(), "GET / ").rest(), "");
}

TEST(PageServer, AnExceptionEndsItsRequestAndNothingElse) {
  const auto server = open([](const std::string& head) -> std::string {
    if (head.starts_with("A")) throw std::bad_alloc();
    if (head.starts_with("B")) throw 7;
    return "fine";
  });
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(RawClient(server->port(), "A\r\n\r\n").rest(), "");
    EXPECT_EQ(RawClient(server->port(), "B\r\n\r\n").rest(), "");
  }
  EXPECT_EQ(RawClient(server->port(), "C\r\n\r\n").rest(), "fine");
}

TEST(PageServer, AnAnswerThatTakesItsTimeDelaysNoOther) {
  Bell go;
  const auto server = open([&](const std::string& head) -> std::string {
    if (head.starts_with("slow")) go.wait_for({}, kSoon);
    return head.substr(0, 4);
  });
  const RawClient slow(server->port(), "slow\r\n\r\n");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(RawClient(server->port(), "fast\r\n\r\n").rest(), "fast");
  go.ring();
  EXPECT_EQ(slow.rest(), "slow");
}

TEST(PageServer, LocalhostIsBothLoopbackAddresses) {
  auto opened = PageServer::open("localhost", 0, {}, echo);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_TRUE((*opened)->loopback_only());
  EXPECT_EQ(RawClient((*opened)->port(), "v4\r\n\r\n").rest(), "(v4\r\n\r\n)");
  const UniqueFd v6(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  if (!v6.valid() || ::bind(v6.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return;  // a machine without IPv6
  const UniqueFd client(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  address.sin6_port = htons(static_cast<uint16_t>((*opened)->port()));
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

TEST(PageServer, TellsWhetherOnlyThisMachineCanConnect) {
  auto everywhere = PageServer::open("0.0.0.0", 0, {}, echo);
  ASSERT_TRUE(everywhere) << everywhere.error().message;
  EXPECT_FALSE((*everywhere)->loopback_only());
  EXPECT_FALSE(PageServer::open("no.such.host.invalid", 0, {}, echo));
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST(PageServer, OfTwoHundredSilentConnectionsItHoldsSixtyFourAndAnswersTheNext) {
  PageServer::Options options;
  options.read_within = Millis{3'600'000};  // it is the number that ends them
  options.write_within = options.read_within;
  const auto server = open(echo, options);
  const std::size_t before = open_descriptors();
  std::vector<RawClient> clients;
  clients.reserve(201);
  for (int i = 0; i < 200; ++i) clients.emplace_back(server->port(), i % 2 == 0 ? "" : "GET /");
  clients.emplace_back(server->port(), "last\r\n\r\n");
  EXPECT_EQ(clients.back().rest(), "(last\r\n\r\n)");  // they are taken in the order they came
  const std::size_t held = open_descriptors() - before - clients.size();
  EXPECT_LE(held, 64U);
  EXPECT_GE(held, 63U) << "no more than needed are hung up on";
  EXPECT_EQ(clients.front().rest(), "") << "who was silent for longest gives way";
}

TEST(PageServer, RepliesThatNobodyTakesAreBoundedAndTheNewestIsKept) {
  PageServer::Options options;
  options.read_within = options.write_within = Millis{3'600'000};
  options.most_reply_bytes = 64 * 1024 * 1024;
  const std::string reply(16 * 1024 * 1024, 'r');  // more than sockets buffer
  const auto server = open([&](const std::string&) { return reply; }, options);
  std::vector<RawClient> clients;
  clients.reserve(9);
  for (int i = 0; i < 9; ++i) clients.emplace_back(server->port(), "GET\r\n\r\n");
  std::size_t whole = 0;
  for (const RawClient& client : clients) whole += client.rest() == reply ? 1 : 0;
  EXPECT_GE(whole, 1U);
  EXPECT_LE(whole, 5U) << "four are within the bound; another may be written already";
}

TEST(PageServer, WhatFollowsTheFirstRequestOnAConnectionIsNotAnswered) {
  const auto server = open(echo);
  std::string pipeline;
  for (int i = 0; i < 1'000; ++i) pipeline += "GET /" + std::to_string(i) + "\r\n\r\n";
  EXPECT_EQ(RawClient(server->port(), pipeline).rest(), "(GET /0\r\n\r\n)");
}

TEST(PageServer, WithoutADescriptorLeftItTriesAgainAndServesWhoWaited) {
  const auto server = open(echo);
  // What ends well, once: a sanitizer may need descriptors of its own to look at it for the first time.
  EXPECT_EQ(RawClient(server->port(), "first\r\n\r\n").rest(), "(first\r\n\r\n)");
  UniqueFd last(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  rlimit low = limit;
  low.rlim_cur = std::min<rlim_t>(limit.rlim_cur, 128);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  std::vector<UniqueFd> taken;
  for (;;) {
    UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) break;
    taken.push_back(std::move(fd));
  }
  last = UniqueFd();
  const RawClient client(server->port(), "waits\r\n\r\n");  // with the last one
  ASSERT_TRUE(client.connected());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  taken.clear();
  EXPECT_EQ(client.rest(), "(waits\r\n\r\n)");
}

// Clients that say nothing, that drip, that send without end, all at once, and a stop in the middle of it.
TEST(PageServer, HundredsOfSilentAndEndlessClientsDelayNobodyHoldLittleMemoryAndAStopIsQuick) {
  StatusPage::Source source;
  source.metrics = [](ExpositionFormat) { return std::string("codedriftd_build_info 1\n"); };
  source.healthy = [] { return std::vector<HealthCheck>{{"poller", true, ""}}; };
  source.ready = source.healthy;
  auto opened = StatusPage::open({"127.0.0.1:0"}, std::move(source));
  ASSERT_TRUE(opened) << opened.error().message;
  auto page = std::move(*opened);
  const int port = page->port();
  httplib::Client client("127.0.0.1", port);
  ASSERT_EQ(client.Get("/healthz")->status, 200);
  const int64_t before = resident_kib();
  std::vector<std::jthread> attackers;
  Guarded<uint64_t> floods;
  for (int i = 0; i < 2; ++i) {
    attackers.emplace_back([port, i](std::stop_token stop) {
      std::vector<RawClient> silent;
      while (!stop.stop_requested()) {
        if (silent.size() >= 100) silent.erase(silent.begin());
        silent.emplace_back(port, i == 0 ? "" : "G");
        for (const RawClient& drip : silent) drip.send(i == 0 ? "" : "x");
      }
    });
    attackers.emplace_back([port, &floods](std::stop_token stop) {
      const std::string much(64 * 1024, 'x');
      while (!stop.stop_requested()) {
        const RawClient endless(port, "GET /");
        while (!stop.stop_requested() && endless.send(much)) ++*floods.lock();
      }
    });
  }
  SystemClock clock;
#ifdef CODEDRIFTD_SANITIZED
  // That slow, a client does not always get to say something within 20 ms, and is taken for silent.
  int may_be_late = 5;
#else
  int may_be_late = 0;
#endif
  for (int i = 0; i < 30; ++i) {
    for (const char* path : {"/healthz", "/metrics"}) {
      httplib::Client asks("127.0.0.1", port);
      const MonoTime asked = clock.mono();
      const auto answer = asks.Get(path);
      if (!answer && --may_be_late >= 0) continue;
      ASSERT_TRUE(answer) << path << " " << httplib::to_string(answer.error());
      EXPECT_EQ(answer->status, 200);
      EXPECT_LT(clock.mono() - asked, Millis{1'000});
    }
  }
  EXPECT_GT(floods.copy(), 10U);
#ifdef CODEDRIFTD_SANITIZED
  constexpr long kMost = 32 * 1024;  // what a sanitizer keeps of each access and each thread is in it
#else
  constexpr long kMost = 8 * 1024;
#endif
  EXPECT_LT(resident_kib() - before, kMost);
  const MonoTime stopped = clock.mono();
  page.reset();
  EXPECT_LT(clock.mono() - stopped, Millis{2'000});
}

}  // namespace
}  // namespace codedriftd::test
