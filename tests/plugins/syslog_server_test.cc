/// The built plugin `syslog` against Debian's rsyslogd, and against servers that misbehave.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "alert_samples.h"
#include "base/unique_fd.h"
#include "sinks/process.h"
#include "support/process.h"
#include "support/raw_server.h"
#include "support/temp_dir.h"
#include "support/test_ca.h"
#include "syslog/line.h"

namespace codedriftd {
namespace {

constexpr Millis kAMinute{60'000};

/// rsyslogd on loopback and on a socket of its own, as whoever runs the test.
class Rsyslogd {
 public:
  /// `tls`: over TCP it speaks nothing else. `client_ca`: and wants to see a certificate of that one.
  explicit Rsyslogd(const std::optional<test::TlsFiles>& tls = {}) {
    std::string text = "global(workDirectory=\"" + (dir_ / "") + "\"";
    std::string driver;
    if (tls) {
      text += " defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCertFile=\"" + tls->certificate +
              "\" defaultNetstreamDriverKeyFile=\"" + tls->key + "\" defaultNetstreamDriverCAFile=\"" +
              (tls->client_ca.empty() ? tls->certificate : tls->client_ca) + "\"";
      driver = std::string(" StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"") +
               (tls->client_ca.empty() ? "anon" : "x509/certvalid") + "\"";
    }
    text += ")\nmodule(load=\"imtcp\"" + driver + ")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n";
    text +=
        "template(name=\"fields\" type=\"string\" string=\"%pri%|%protocol-version%|%hostname%|%app-name%|%msgid%|"
        "%structured-data%|%msg%\\n\")\n";
    text += "input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"" + (dir_ / "port") + "\")\n";
    text += "input(type=\"imuxsock\" Socket=\"" + socket() + "\")\n";
    // Else it expects of a local socket what syslog(3) writes there.
    text += "input(type=\"imuxsock\" Socket=\"" + socket_5424() + "\" useSpecialParser=\"off\" parseHostname=\"on\")\n";
    text += "action(type=\"omfile\" file=\"" + (dir_ / "log") + "\" template=\"fields\")\n";
    dir_.write("rsyslog.conf", text);
    test::ChildOptions options;
    options.argv = {"rsyslogd", "-n", "-C", "-f", dir_ / "rsyslog.conf", "-i", dir_ / "pid"};
    options.env = {{"PATH", std::string(::getenv("PATH")) + ":/usr/sbin"}};
    child_ = std::make_unique<test::Child>(std::move(options));
    ready_ = test::wait_until(
        [this] { return !read("port").empty() && std::filesystem::exists(socket_5424()) && child_->running(); },
        kAMinute);
  }
  static bool there() { return std::filesystem::exists("/usr/sbin/rsyslogd"); }
  bool ready() const { return ready_; }
  std::string port() const { return read("port"); }
  std::string socket() const { return dir_ / "socket"; }
  std::string socket_5424() const { return dir_ / "socket-5424"; }
  std::string said() { return child_->err() + child_->out(); }
  /// What it has written, as soon as there are `lines`, or after a minute.
  std::string log(int lines = 1) const {
    test::wait_until(
        [&] {
          const std::string text = read("log");
          return std::count(text.begin(), text.end(), '\n') >= lines;
        },
        kAMinute);
    return read("log");
  }

 private:
  std::string read(const char* name) const {
    std::ostringstream text;
    text << std::ifstream(dir_ / name).rdbuf();
    return text.str();
  }

  test::TempDir dir_;
  std::unique_ptr<test::Child> child_;
  bool ready_ = false;
};

class SyslogServerTest : public testing::Test {
 protected:
  void open(std::map<std::string, OptionValue> options) {
    sink_ = std::make_unique<SinkProcess>(SinkSpec{"ops",
                                                   CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost",
                                                   CODEDRIFTD_BINARY_DIR "/plugins/syslog.so",
                                                   std::move(options),
                                                   {}});
    const auto info = sink_->start();
    ASSERT_TRUE(info) << info.error().message;
  }
  DeliveryAnswer deliver(const Json& alert = test::alert_json("drift.detected")) {
    return sink_->deliver("alertid1", alert.dump(), 1, kAMinute);
  }

  std::unique_ptr<SinkProcess> sink_;
};

#define NEEDS_RSYSLOGD() \
  if (!Rsyslogd::there()) GTEST_SKIP() << "SKIPPED: there is no rsyslogd; scripts/install-deps --test installs it"

TEST_F(SyslogServerTest, RsyslogUnderstandsWhatComesOverTcp) {
  NEEDS_RSYSLOGD();
  Rsyslogd server;
  ASSERT_TRUE(server.ready()) << server.said();
  open({{"address", {"tcp://127.0.0.1:" + server.port(), {}}}, {"facility", {std::string("local3"), {}}}});
  EXPECT_EQ(sink_->probe(kAMinute).result, DeliveryResult::delivered);
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
  EXPECT_EQ(answer.text, "the receiver has read it");
  const std::string log = server.log();
  EXPECT_TRUE(log.starts_with("154|1|ops-1|codedriftd|drift.detected|[codedriftd@32473 id=\"alertid1\" ")) << log;
  EXPECT_NE(log.find("]|prod/ap-guangzhou/default/charge:$LATEST runs code"), std::string::npos) << log;
  EXPECT_EQ(deliver(test::digest_json(50)).result, DeliveryResult::delivered);
  EXPECT_NE(server.log(52).find("charge-49:$LATEST"), std::string::npos);
}

TEST_F(SyslogServerTest, RsyslogUnderstandsWhatComesOverTls) {
  NEEDS_RSYSLOGD();
  const test::TempDir folder;
  test::TestCa ca(folder.path().string());
  Rsyslogd server(ca.server());
  ASSERT_TRUE(server.ready()) << server.said();
  const std::string address = "tls://127.0.0.1:" + server.port();
  open({{"address", {address, {}}}, {"ca_file", {ca.certificate_file(), {}}}});
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
  EXPECT_TRUE(server.log().starts_with("26|1|ops-1|codedriftd|drift.detected|")) << server.log();

  open({{"address", {address, {}}}});
  const DeliveryAnswer unknown = deliver();
  EXPECT_EQ(unknown.result, DeliveryResult::retry);
  EXPECT_NE(unknown.text.find("its certificate is refused: "), std::string::npos) << unknown.text;
}

TEST_F(SyslogServerTest, TheCertificateHasToBeTheServers) {
  const test::TempDir folder;
  test::TestCa ca(folder.path().string());
  test::RawServer server(0, ca.wrong_name_server(), [](test::Connection& peer) { peer.wait_for_peer_to_leave(); });
  open({{"address", {"tls://127.0.0.1:" + std::to_string(server.port()), {}}},
        {"ca_file", {ca.certificate_file(), {}}}});
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::retry);
  EXPECT_NE(answer.text.find("its certificate is refused: IP address mismatch"), std::string::npos) << answer.text;
}

TEST_F(SyslogServerTest, ThisSideShowsWhoItIs) {
  NEEDS_RSYSLOGD();
  const test::TempDir folder;
  test::TestCa ca(folder.path().string());
  test::TlsFiles files = ca.server();
  files.client_ca = ca.certificate_file();
  const test::TlsFiles client = ca.client();
  Rsyslogd server(files);
  ASSERT_TRUE(server.ready()) << server.said();
  std::map<std::string, OptionValue> options = {{"address", {"tls://127.0.0.1:" + server.port(), {}}},
                                                {"ca_file", {ca.certificate_file(), {}}}};
  open(options);
  const DeliveryAnswer nobody = deliver();
  EXPECT_EQ(nobody.result, DeliveryResult::retry) << nobody.text;
  options["client_cert_file"] = {client.certificate, {}};
  options["client_key_file"] = {client.key, {}};
  open(options);
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
  const std::string log = server.log();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
}

TEST_F(SyslogServerTest, RsyslogUnderstandsBothFormsOnItsSocket) {
  NEEDS_RSYSLOGD();
  Rsyslogd server;
  ASSERT_TRUE(server.ready()) << server.said();
  open({{"address", {server.socket(), {}}}});
  EXPECT_EQ(sink_->probe(kAMinute).result, DeliveryResult::delivered);
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
  const std::string bsd = server.log();
  EXPECT_TRUE(bsd.starts_with("26|0|")) << bsd;
  EXPECT_NE(bsd.find("|codedriftd|-|-| prod/ap-guangzhou/default/charge:$LATEST runs code"), std::string::npos) << bsd;
  EXPECT_NE(bsd.find("[id=\"alertid1\" kind="), std::string::npos) << bsd;
  open({{"address", {server.socket_5424(), {}}}, {"format", {std::string("rfc5424"), {}}}});
  EXPECT_EQ(deliver().result, DeliveryResult::delivered);
  EXPECT_NE(server.log(2).find("26|1|ops-1|codedriftd|drift.detected|[codedriftd@32473 id="), std::string::npos)
      << server.log(2);
}

TEST_F(SyslogServerTest, AServerThatThrowsTheConnectionAwayHasNotTakenIt) {
  test::RawServer server(0, {}, [](test::Connection& peer) {
    peer.wait_readable();
    peer.reset();
  });
  open({{"address", {"tcp://127.0.0.1:" + std::to_string(server.port()), {}}}});
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::retry);
  EXPECT_NE(answer.text.find("Connection reset by peer"), std::string::npos) << answer.text;
}

/// What comes of `bytes` at a server whose certificate, if it has one, is of `ca_file`.
http_sink::Outcome sent_to(const test::RawServer& server, syslog::Address::Kind kind, const std::string& ca_file,
                           const std::string& bytes) {
  syslog::Address address;
  address.kind = kind;
  address.host = "127.0.0.1";
  address.port = server.port();
  address.number = true;
  return syslog::send_over_tcp(address, {ca_file, {}, {}}, bytes, {SystemClock{}.mono() + kAMinute, -1});
}

TEST(SyslogLine, AServerThatClosesWithoutReadingHasNotTakenIt) {
  const test::TempDir folder;
  test::TestCa ca(folder.path().string());
  const std::string message(300, 'm');
  for (const auto kind : {syslog::Address::Kind::tcp, syslog::Address::Kind::tls}) {
    const auto certificate =
        kind == syslog::Address::Kind::tls ? std::optional<test::TlsFiles>(ca.server()) : std::nullopt;
    // At once, and a little later: its end comes before the message, with it, or after it.
    for (const int pause_us : {0, 200, 2'000}) {
      const test::RawServer server(0, certificate, [pause_us](test::Connection& peer) {
        peer.pause(std::chrono::microseconds(pause_us));
        peer.close();
      });
      for (int round = 0; round < 30; ++round) {
        const auto outcome = sent_to(server, kind, ca.certificate_file(), message);
        ASSERT_EQ(outcome.result, CODEDRIFTD_RETRY) << outcome.text;
      }
    }
  }
}

TEST(SyslogLine, AServerThatEndsFirstHasNotTakenItEvenIfItsSystemHas) {
  // More than both systems keep, so its end is there before this side's.
  const std::string message(std::size_t{64} << 20, 'm');
  const test::RawServer server(0, {}, [](test::Connection& peer) {
    peer.end();
    peer.wait_for_peer_to_leave();
  });
  const auto outcome = sent_to(server, syslog::Address::Kind::tcp, {}, message);
  EXPECT_EQ(outcome.result, CODEDRIFTD_RETRY);
  EXPECT_EQ(outcome.text, "the receiver did not take all of it: it ended the connection first");
}

TEST(SyslogLine, AServerThatReadsToTheEndHasTakenIt) {
  const std::string message(300, 'm');
  const test::RawServer server(0, {}, [](test::Connection& peer) { peer.wait_for_peer_to_leave(); });
  for (int round = 0; round < 30; ++round) {
    const auto outcome = sent_to(server, syslog::Address::Kind::tcp, {}, message);
    ASSERT_EQ(outcome.result, CODEDRIFTD_DELIVERED) << outcome.text;
    ASSERT_EQ(outcome.text, "the receiver has read it");
  }
}

TEST_F(SyslogServerTest, AServerThatKeepsTheConnectionOpenIsSaidToHaveItInItsSystem) {
  test::RawServer server(0, {}, [](test::Connection& peer) { peer.pause(std::chrono::seconds(60)); });
  open({{"address", {"tcp://127.0.0.1:" + std::to_string(server.port()), {}}}});
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::delivered);
  EXPECT_NE(answer.text.find("whether it was read is not known"), std::string::npos) << answer.text;
}

TEST_F(SyslogServerTest, NobodyThereIsTriedAgain) {
  uint16_t port = 0;
  {
    const test::RawServer server(0, {}, [](test::Connection&) {});
    port = server.port();
  }
  open({{"address", {"tcp://127.0.0.1:" + std::to_string(port), {}}}});
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::retry);
  EXPECT_EQ(answer.text, "127.0.0.1:" + std::to_string(port) + ": cannot connect: Connection refused");
  const test::TempDir folder;
  open({{"address", {folder / "socket", {}}}});
  EXPECT_EQ(deliver().result, DeliveryResult::retry) << "it may come";
  open({{"address", {folder.write("file", "") + "/socket", {}}}});
  EXPECT_EQ(deliver().result, DeliveryResult::refused) << "it will not";
}

TEST_F(SyslogServerTest, ALocalSocketThatNobodyReadsIsWaitedForNoLongerThanAllowed) {
  const test::TempDir folder;
  const UniqueFd bound(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(bound.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  open({{"address", {folder / "socket", {}}}, {"timeout_s", {int64_t{1}, {}}}});
  EXPECT_EQ(deliver().result, DeliveryResult::delivered);
  const DeliveryAnswer full = deliver(test::digest_json(250));
  EXPECT_EQ(full.result, DeliveryResult::retry);
  EXPECT_NE(full.text.find("there was no answer in time"), std::string::npos) << full.text;
}

}  // namespace
}  // namespace codedriftd
