/// The built plugin `smtp` against Debian's python3-aiosmtpd and exim4, and against servers that misbehave.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>

#include "alert_samples.h"
#include "base/sha256.h"
#include "base/unique_fd.h"
#include "sinks/process.h"
#include "smtp/mail.h"
#include "support/process.h"
#include "support/raw_server.h"
#include "support/temp_dir.h"
#include "support/test_ca.h"

namespace codedriftd {
namespace {

constexpr Millis kLongEnough{60'000};
constexpr const char* kPassword = "fake-password-0001";

std::string content_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Debian's Python, which is the one that Debian's packages are for.
bool aiosmtpd_is_there() {
  test::ChildOptions options;
  options.argv = {"/usr/bin/python3", "-c", "import aiosmtpd"};
  try {
    return test::code_of(test::run(std::move(options), kLongEnough)) == 0;
  } catch (const std::exception&) {
    return false;
  }
}

/// tests/plugins/smtp_server.py.
class AioSmtpd {
 public:
  explicit AioSmtpd(const std::vector<std::string>& more = {}) {
    test::ChildOptions options;
    options.argv = {"/usr/bin/python3", CODEDRIFTD_SOURCE_DIR "/tests/plugins/smtp_server.py", dir_.path().string()};
    options.argv.insert(options.argv.end(), more.begin(), more.end());
    child_ = std::make_unique<test::Child>(std::move(options));
    ready_ = test::wait_until([this] { return !port().empty() || !child_->running(); }, kLongEnough) && !port().empty();
  }
  bool ready() const { return ready_; }
  std::string port() const { return content_of(dir_ / "port"); }
  std::string said() { return child_->err() + child_->out(); }
  /// The mail number `n`, from 1; null if there is none.
  Json mail(int n) const {
    const std::string text = content_of(dir_ / ("mail-" + std::to_string(n) + ".json"));
    return text.empty() ? Json() : Json::parse(text);
  }

 private:
  test::TempDir dir_;
  std::unique_ptr<test::Child> child_;
  bool ready_ = false;
};

class SmtpServerTest : public testing::Test {
 protected:
  std::map<std::string, OptionValue> options(const std::string& server) const {
    return {{"server", {server, {}}},
            {"from", {std::string("drift@example.com"), {}}},
            {"to", {std::vector<std::string>{"ops@example.com", "audit@example.org"}, {}}}};
  }
  void add_login(std::map<std::string, OptionValue>& options, const char* auth,
                 const std::string& password = kPassword) const {
    options["username"] = {std::string("ops"), {}};
    options["password_file"] = {folder_.write("password", password + "\n"), {}};
    options["auth"] = {std::string(auth), {}};
  }
  void open(std::map<std::string, OptionValue> options) {
    sink_ = std::make_unique<SinkProcess>(SinkSpec{"ops",
                                                   CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost",
                                                   CODEDRIFTD_BINARY_DIR "/plugins/smtp.so",
                                                   std::move(options),
                                                   {}});
    const auto info = sink_->start();
    ASSERT_TRUE(info) << info.error().message;
  }
  DeliveryAnswer deliver(const Json& alert = test::alert_json("drift.detected"), const char* id = "alertid1") {
    return sink_->deliver(id, alert.dump(), 1, kLongEnough);
  }

  const test::TempDir folder_;
  std::unique_ptr<SinkProcess> sink_;
};

#define NEEDS_AIOSMTPD()    \
  if (!aiosmtpd_is_there()) \
  GTEST_SKIP() << "SKIPPED: there is no python3-aiosmtpd; scripts/install-deps --test installs it"

TEST_F(SmtpServerTest, MailGoesOverStartTlsWithEitherLogin) {
  NEEDS_AIOSMTPD();
  test::TestCa ca(folder_.path().string());
  const test::TlsFiles files = ca.server();
  const AioSmtpd server(
      {"--tls", "starttls", "--certificate", files.certificate, "--key", files.key, "--auth-required"});
  ASSERT_TRUE(server.ready());
  int mails = 0;
  for (const auto& [auth, mechanism] : {std::pair{"plain", "PLAIN"}, {"login", "LOGIN"}, {"auto", ""}}) {
    auto given = options("smtp://localhost:" + server.port());
    given["ca_file"] = {ca.certificate_file(), {}};
    add_login(given, auth);
    open(given);
    EXPECT_EQ(sink_->probe(kLongEnough).result, DeliveryResult::delivered);
    const DeliveryAnswer answer = deliver();
    EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
    EXPECT_EQ(answer.status, 250);
    const Json mail = server.mail(++mails);
    ASSERT_TRUE(mail.is_object()) << auth;
    EXPECT_TRUE(mail["tls"]);
    if (*mechanism != '\0') {
      EXPECT_EQ(mail["mechanism"], mechanism);
    }
    EXPECT_EQ(mail["from"], "drift@example.com");
    EXPECT_EQ(mail["to"], Json({"ops@example.com", "audit@example.org"}));
    const std::string text = mail["text"];
    EXPECT_TRUE(text.starts_with("From: drift@example.com\r\n")) << text;
    EXPECT_NE(text.find("\r\nMessage-ID: <codedriftd.alertid1@example.com>\r\n"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("\r\n--=_cd_alertid1--\r\n")) << text;
  }
  EXPECT_TRUE(server.mail(mails + 1).is_null()) << "a probe sends none";
}

TEST_F(SmtpServerTest, MailGoesOverTlsFromTheFirstByteOn) {
  NEEDS_AIOSMTPD();
  test::TestCa ca(folder_.path().string());
  const test::TlsFiles files = ca.server();
  const AioSmtpd server({"--tls", "first", "--certificate", files.certificate, "--key", files.key});
  ASSERT_TRUE(server.ready());
  auto given = options("smtps://127.0.0.1:" + server.port());
  add_login(given, "login");
  open(given);
  const DeliveryAnswer unknown = deliver();
  EXPECT_EQ(unknown.result, DeliveryResult::retry) << "the certificate is nobody's that is known";
  EXPECT_NE(unknown.text.find("certificate"), std::string::npos) << unknown.text;
  given["ca_file"] = {ca.certificate_file(), {}};
  open(given);
  const DeliveryAnswer answer = deliver(test::digest_json(50));
  EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
  EXPECT_EQ(server.mail(1)["mechanism"], "LOGIN");
}

TEST_F(SmtpServerTest, ThePasswordIsNotSaidToAServerWithoutTls) {
  NEEDS_AIOSMTPD();
  const AioSmtpd server;
  ASSERT_TRUE(server.ready());
  auto given = options("smtp://localhost:" + server.port());
  add_login(given, "plain");
  open(given);
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::refused);
  EXPECT_NE(answer.text.find("it does not offer STARTTLS"), std::string::npos) << answer.text;
  EXPECT_TRUE(server.mail(1).is_null());
  given["starttls"] = {false, {}};
  open(given);
  const DeliveryAnswer plain = deliver();
  EXPECT_EQ(plain.result, DeliveryResult::delivered) << "on this machine, when told to: " << plain.text;
  EXPECT_FALSE(server.mail(1)["tls"]);
}

TEST_F(SmtpServerTest, AWrongPasswordMeansThatTheDestinationRefuses) {
  NEEDS_AIOSMTPD();
  const AioSmtpd server({"--auth-required"});
  ASSERT_TRUE(server.ready());
  for (const char* auth : {"plain", "login"}) {
    auto given = options("smtp://127.0.0.1:" + server.port());
    given["starttls"] = {false, {}};
    add_login(given, auth, "fake-password-0002");
    open(given);
    const DeliveryAnswer answer = deliver();
    EXPECT_EQ(answer.result, DeliveryResult::refused) << answer.text;
    EXPECT_EQ(answer.status, 535) << answer.text;
    EXPECT_EQ(answer.text.find("fake-password"), std::string::npos) << answer.text;
    EXPECT_EQ(sink_->probe(kLongEnough).result, DeliveryResult::refused);
  }
  auto nobody = options("smtp://127.0.0.1:" + server.port());
  nobody["starttls"] = {false, {}};
  open(nobody);
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::refused) << answer.text;
  EXPECT_EQ(answer.status, 530) << answer.text;
}

TEST_F(SmtpServerTest, AutoIsPlainOrLoginWhateverElseIsOffered) {
  NEEDS_AIOSMTPD();
  for (const auto& [without, mechanism] : {std::pair{"", "PLAIN"}, {"PLAIN", "LOGIN"}, {"LOGIN", "PLAIN"}}) {
    const AioSmtpd server({"--auth-required", "--also", "CRAM-MD5", "--also", "DIGEST-MD5", "--also", "NTLM", "--also",
                           "GSSAPI", "--also", "SCRAM-SHA-256", "--without", without});
    ASSERT_TRUE(server.ready());
    auto given = options("smtp://127.0.0.1:" + server.port());
    given["starttls"] = {false, {}};
    add_login(given, "auto");
    open(given);
    const DeliveryAnswer answer = deliver();
    EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
    ASSERT_TRUE(server.mail(1).is_object());
    EXPECT_EQ(server.mail(1)["mechanism"], mechanism);
  }
  const AioSmtpd server({"--also", "NTLM", "--without", "PLAIN", "--without", "LOGIN"});
  ASSERT_TRUE(server.ready());
  auto given = options("smtp://127.0.0.1:" + server.port());
  given["starttls"] = {false, {}};
  add_login(given, "auto");
  open(given);
  EXPECT_EQ(deliver().result, DeliveryResult::refused) << "there is no way in";
}

TEST_F(SmtpServerTest, ALoginThatTheServerRepeatsIsMasked) {
  const std::string sent = base64(std::string("\0ops\0", 5) + kPassword);
  const test::RawServer server(0, {}, [&sent](test::Connection& peer) {
    for (const std::string& line : {std::string("220 mail.test"), std::string("250-mail.test\r\n250 AUTH PLAIN"),
                                    "535 5.7.8 not with AUTH PLAIN " + sent}) {
      if (!peer.send(line + "\r\n")) return;
    }
    peer.wait_for_peer_to_leave();
  });
  auto given = options("smtp://127.0.0.1:" + std::to_string(server.port()));
  given["starttls"] = {false, {}};
  add_login(given, "plain");
  open(given);
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::refused);
  EXPECT_EQ(answer.text, "SMTP 535 to AUTH: 535 5.7.8 not with AUTH PLAIN ***");
}

TEST_F(SmtpServerTest, WhoIsRefusedForNowGetsItLaterAndNobodyTwice) {
  NEEDS_AIOSMTPD();
  const AioSmtpd server({"--rcpt-answer-once", "audit@example.org=450 4.7.1 come back later"});
  ASSERT_TRUE(server.ready());
  auto given = options("smtp://127.0.0.1:" + server.port());
  given["starttls"] = {false, {}};
  open(given);
  const DeliveryAnswer some = deliver();
  EXPECT_EQ(some.result, DeliveryResult::retry) << some.text;
  EXPECT_EQ(some.status, 450);
  EXPECT_NE(some.text.find("not for all: SMTP 450 to RCPT TO:<audit@example.org>"), std::string::npos) << some.text;
  EXPECT_EQ(server.mail(1)["to"], Json({"ops@example.com"}));
  EXPECT_EQ(deliver(test::alert_json("drift.resolved"), "alertid2").result, DeliveryResult::delivered);
  EXPECT_EQ(server.mail(2)["to"], Json({"ops@example.com", "audit@example.org"})) << "another alert";
  const DeliveryAnswer rest = deliver();
  EXPECT_EQ(rest.result, DeliveryResult::delivered) << rest.text;
  EXPECT_EQ(server.mail(3)["to"], Json({"audit@example.org"}));
  EXPECT_NE(server.mail(3)["text"].get<std::string>().find("To: ops@example.com,\r\n audit@example.org\r\n"),
            std::string::npos)
      << "it is the same mail";
  EXPECT_EQ(deliver().result, DeliveryResult::delivered);
  EXPECT_EQ(server.mail(4)["to"], Json({"ops@example.com", "audit@example.org"})) << "one that is sent anew";
}

TEST_F(SmtpServerTest, AMailThatIsTooLargeForTheServerIsAboutThisAlert) {
  NEEDS_AIOSMTPD();
  const AioSmtpd server({"--mail-answer", "552 5.3.4 too big"});
  ASSERT_TRUE(server.ready());
  auto given = options("smtp://127.0.0.1:" + server.port());
  given["starttls"] = {false, {}};
  open(given);
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::rejected) << answer.text;
  EXPECT_EQ(answer.status, 552);
}

TEST_F(SmtpServerTest, RefusedRecipientsAreNamedAndTheOthersGetTheMail) {
  NEEDS_AIOSMTPD();
  const AioSmtpd server({"--rcpt-answer", "audit@example.org=550 5.1.1 no such user"});
  ASSERT_TRUE(server.ready());
  auto given = options("smtp://127.0.0.1:" + server.port());
  given["starttls"] = {false, {}};
  open(given);
  const DeliveryAnswer some = deliver();
  EXPECT_EQ(some.result, DeliveryResult::delivered);
  EXPECT_NE(some.text.find("not for all: SMTP 550 to RCPT TO:<audit@example.org>: 550 5.1.1 no such user"),
            std::string::npos)
      << some.text;
  EXPECT_EQ(server.mail(1)["to"], Json({"ops@example.com"}));
  given["to"] = {std::vector<std::string>{"audit@example.org"}, {}};
  open(given);
  const DeliveryAnswer none = deliver();
  EXPECT_EQ(none.result, DeliveryResult::refused) << none.text;
  EXPECT_EQ(none.status, 550);
}

TEST_F(SmtpServerTest, TheAnswerToTheMessageIsAboutThisAlert) {
  NEEDS_AIOSMTPD();
  struct Case {
    const char* answer;
    DeliveryResult result;
    int status;
  };
  for (const Case& c : {Case{"552 5.3.4 too big", DeliveryResult::rejected, 552},
                        Case{"451 4.3.0 try later", DeliveryResult::retry, 451}}) {
    const AioSmtpd server({"--data-answer", c.answer});
    ASSERT_TRUE(server.ready());
    auto given = options("smtp://127.0.0.1:" + server.port());
    given["starttls"] = {false, {}};
    open(given);
    const DeliveryAnswer answer = deliver();
    EXPECT_EQ(answer.result, c.result) << answer.text;
    EXPECT_EQ(answer.status, c.status);
    EXPECT_EQ(answer.text, "SMTP " + std::to_string(c.status) + " to message: " + c.answer);
  }
}

/// Debian's exim4 on loopback, which queues what it takes.
class Exim {
 public:
  explicit Exim(const test::TlsFiles& files) {
    const passwd* const me = ::getpwuid(::geteuid());
    const std::string user = me == nullptr ? "root" : me->pw_name;
    const std::string folder = dir_.path().string();
    std::filesystem::create_directory(folder + "/spool");
    dir_.write("exim.conf", "exim_path = /usr/sbin/exim4\nspool_directory = " + folder +
                                "/spool\nlog_file_path = " + folder + "/spool/%slog\npid_file_path = " + folder +
                                "/pid\nprimary_hostname = mail.test\nexim_user = " + user +
                                "\nexim_group = " + std::to_string(::getegid()) +
                                "\nqueue_only\nhost_lookup =\nkeep_environment =\ntls_advertise_hosts = *\n"
                                "tls_certificate = " +
                                files.certificate + "\ntls_privatekey = " + files.key +
                                R"(
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = check
begin acl
check:
  accept authenticated = *
  deny message = log in first
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{ops}}{eq{$auth3}{fake-password-0001}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{ops}}{eq{$auth2}{fake-password-0001}}}}
  server_set_id = $auth1
)");
    for (int tries = 0; tries < 5 && !ready_; ++tries) {  // the port may be taken meanwhile
      {
        const test::RawServer probe(0, {}, [](test::Connection&) {});
        port_ = probe.port();
      }
      test::ChildOptions options;
      options.argv = {"/usr/sbin/exim4", "-C", dir_ / "exim.conf", "-bdf", "-oX", "127.0.0.1." + std::to_string(port_)};
      child_ = std::make_unique<test::Child>(std::move(options));
      ready_ = test::wait_until(
          [this] { return log().find("listening for SMTP") != std::string::npos || !child_->running(); }, kLongEnough);
      ready_ = ready_ && child_->running();
    }
  }
  static bool there() { return std::filesystem::exists("/usr/sbin/exim4"); }
  bool ready() const { return ready_; }
  uint16_t port() const { return port_; }
  /// Who is not root finds it on stderr.
  std::string log() { return content_of(dir_ / "spool/mainlog") + child_->err(); }
  std::string said() { return log() + child_->out(); }
  /// The messages in its queue, headers and bodies.
  std::string queue() const {
    std::string text;
    for (const auto& file : std::filesystem::directory_iterator(dir_ / "spool/input")) text += content_of(file.path());
    return text;
  }

 private:
  test::TempDir dir_;
  uint16_t port_ = 0;
  std::unique_ptr<test::Child> child_;
  bool ready_ = false;
};

TEST_F(SmtpServerTest, EximTakesItOverStartTlsWithEitherLogin) {
  if (!Exim::there()) GTEST_SKIP() << "SKIPPED: there is no exim4; scripts/install-deps --test installs it";
  test::TestCa ca(folder_.path().string());
  Exim server(ca.server());
  ASSERT_TRUE(server.ready()) << server.said();
  auto given = options("smtp://127.0.0.1:" + std::to_string(server.port()));
  given["ca_file"] = {ca.certificate_file(), {}};
  open(given);
  const DeliveryAnswer nobody = deliver();
  EXPECT_EQ(nobody.result, DeliveryResult::refused) << nobody.text;
  EXPECT_NE(nobody.text.find("log in first"), std::string::npos) << nobody.text;
  for (const auto& [auth, logged] : {std::pair{"plain", "A=plain:ops"}, {"login", "A=login:ops"}}) {
    add_login(given, auth);
    open(given);
    const DeliveryAnswer answer = deliver(test::digest_json(50));
    EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
    EXPECT_NE(answer.text.find("250 OK id="), std::string::npos) << answer.text;
    const std::string line = logged;
    EXPECT_TRUE(test::wait_until([&] { return server.log().find(line) != std::string::npos; }, kLongEnough))
        << server.log();
  }
  EXPECT_NE(server.log().find("P=esmtpsa"), std::string::npos) << server.log();
  EXPECT_NE(server.queue().find("<codedriftd.alertid1@example.com>"), std::string::npos);
  add_login(given, "plain", "fake-password-0002");
  open(given);
  EXPECT_EQ(deliver().result, DeliveryResult::refused);
}

TEST_F(SmtpServerTest, AServerThatDoesNotAnswerIsNotWaitedForLongerThanAllowed) {
  test::RawServer silent(0, {}, [](test::Connection& peer) { peer.wait_for_peer_to_leave(); });
  auto given = options("smtp://127.0.0.1:" + std::to_string(silent.port()));
  given["starttls"] = {false, {}};
  given["timeout_s"] = {int64_t{1}, {}};
  open(given);
  const MonoTime begun = SystemClock{}.mono();
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::retry) << answer.text;
  EXPECT_LT(SystemClock{}.mono() - begun, Millis{20'000});
}

TEST_F(SmtpServerTest, AServerThatDoesNotSayGoodbyeIsNotWaitedFor) {
  test::RawServer server(0, {}, [](test::Connection& peer) {
    for (const char* line : {"220 mail.test\r\n", "250 mail.test\r\n", "250 OK\r\n", "250 OK\r\n", "250 OK\r\n",
                             "354 go on\r\n", "250 taken\r\n"}) {
      if (!peer.send(line)) return;
    }
    peer.pause(std::chrono::seconds(60));
  });
  auto given = options("smtp://127.0.0.1:" + std::to_string(server.port()));
  given["starttls"] = {false, {}};
  open(given);
  const MonoTime begun = SystemClock{}.mono();
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
  EXPECT_LT(SystemClock{}.mono() - begun, Millis{15'000});
}

/// Takes mail, and connections too late for a client that does not try another address meanwhile. It says no goodbye.
class TardyServer {
 public:
  TardyServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 0) != 0 ||
        ::getsockname(listener_.get(), generic, &size) != 0 || ::connect(first_.get(), generic, size) != 0) {
      throw std::system_error(errno, std::generic_category(), "a server on loopback");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TardyServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  uint16_t port() const { return port_; }

 private:
  void serve() {
    // The first one fills the queue, so that the next is not in before it tries again, after a second.
    std::this_thread::sleep_for(Millis{600});
    const UniqueFd first(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const UniqueFd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::string_view said =
        "220 mail.test\r\n250 mail.test\r\n250 OK\r\n250 OK\r\n250 OK\r\n354 go on\r\n250 taken\r\n";
    static_cast<void>(::send(peer.get(), said.data(), said.size(), MSG_NOSIGNAL));
    char ignored[4096];
    while (::recv(peer.get(), ignored, sizeof ignored, 0) > 0) continue;
  }

  const UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const UniqueFd first_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  uint16_t port_ = 0;
  std::thread thread_;
};

TEST(SmtpServer, TheConnectionThatIsLeftIsTheOneWithTheServerNotTheLastThatWasTried) {
  const TardyServer tardy;
  smtp::Server server;
  server.host = "mail.test";
  server.addresses = {"127.0.0.1", "[::1]"};
  server.port = tardy.port();
  server.starttls = false;
  const smtp::Envelope envelope{"drift@example.com", {"ops@example.com", "audit@example.org"}, ""};
  const MonoTime begun = SystemClock{}.mono();
  const auto conversed = smtp::hand_over(server, envelope, "Subject: x\r\n\r\ny\r\n", {begun + kLongEnough, -1});
  EXPECT_EQ(conversed.outcome.result, CODEDRIFTD_DELIVERED) << conversed.outcome.text;
  EXPECT_LT(SystemClock{}.mono() - begun, Millis{15'000});
}

TEST_F(SmtpServerTest, NobodyThereIsTriedAgain) {
  uint16_t port = 0;
  {
    const test::RawServer server(0, {}, [](test::Connection&) {});
    port = server.port();
  }
  auto given = options("smtp://127.0.0.1:" + std::to_string(port));
  given["starttls"] = {false, {}};
  open(given);
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::retry);
  EXPECT_NE(answer.text.find("127.0.0.1:" + std::to_string(port)), std::string::npos) << answer.text;
}

}  // namespace
}  // namespace codedriftd
