#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "alert_samples.h"
#include "base/sha256.h"
#include "base/text.h"
#include "smtp/recipients.h"
#include "smtp/sender.h"
#include "smtp/trace.h"

namespace codedriftd::smtp {
namespace {

using test::alert_json;
using test::alert_of;

const Envelope kEnvelope{"drift@example.com", {"ops@example.com", "audit@example.org"}, "[codedriftd]"};

std::string mail_of(const Json& alert) { return message(alert_of(alert), kEnvelope, from_ms(1'795'489'445'678)); }

/// The value of a header, unfolded; empty if there is none.
std::string mail_header(const std::string& mail, const std::string& name) {
  const std::size_t at = mail.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  std::string value;
  std::istringstream lines(mail.substr(at + name.size() + 4));
  for (std::string line; std::getline(lines, line);) {
    if (!value.empty() && !line.starts_with(' ')) break;
    value += line.substr(0, line.size() - 1);
  }
  return value;
}

/// The decoded part of that type.
std::string mail_part(const std::string& mail, const std::string& type) {
  const std::size_t at = mail.find("Content-Type: " + type);
  const std::size_t begin = mail.find("\r\n\r\n", at) + 4;
  std::string text = mail.substr(begin, mail.find("--=_", begin) - begin);
  std::erase(text, '\r');
  std::erase(text, '\n');
  return base64_decode(text).value();
}

TEST(SmtpMessage, HasTheHeadersOfAMailFromAProgram) {
  const std::string mail = mail_of(alert_json("drift.detected"));
  EXPECT_TRUE(mail.starts_with("From: drift@example.com\r\nTo: ops@example.com,\r\n audit@example.org\r\nSubject: "));
  EXPECT_EQ(mail_header(mail, "Subject"),
            "[codedriftd] critical: drift.detected, ops-1: prod/ap-guangzhou/default/charge:$LATEST");
  EXPECT_EQ(mail_header(mail, "Date"), "Tue, 24 Nov 2026 03:04:05 +0000");
  EXPECT_EQ(mail_header(mail, "Message-ID"), "<codedriftd.alertid1@example.com>");
  EXPECT_EQ(mail_header(mail, "Auto-Submitted"), "auto-generated") << "no holiday answers";
  EXPECT_EQ(mail_header(mail, "X-Codedriftd-Kind"), "drift.detected");
  EXPECT_EQ(mail_header(mail, "MIME-Version"), "1.0");
  EXPECT_EQ(mail_header(mail, "Content-Type"), "multipart/alternative; boundary=\"=_cd_alertid1\"");
}

TEST(SmtpMessage, WhatBelongsTogetherIsOneThread) {
  const auto thread_of = [](const Json& alert) { return mail_header(mail_of(alert), "References"); };
  const std::string drift = thread_of(alert_json("drift.detected"));
  EXPECT_TRUE(drift.starts_with("<codedriftd.")) << drift;
  EXPECT_TRUE(drift.ends_with("@example.com>")) << drift;
  EXPECT_EQ(thread_of(alert_json("drift.resolved", "info")), drift);
  EXPECT_EQ(mail_header(mail_of(alert_json("drift.reminder")), "In-Reply-To"), drift);
  EXPECT_NE(thread_of(alert_json("function.missing")), drift);
  EXPECT_EQ(thread_of(test::digest_json(2)), "");
}

TEST(SmtpMessage, TellsTheSameInTextAndInHtml) {
  const std::string mail = mail_of(alert_json("drift.detected"));
  const std::string text = mail_part(mail, "text/plain"), html = mail_part(mail, "text/html");
  EXPECT_LT(mail.find("text/plain"), mail.find("text/html")) << "the richest last";
  EXPECT_TRUE(
      text.starts_with("critical: drift.detected, ops-1\n\nprod/ap-guangzhou/default/charge:$LATEST runs code "
                       "aaaaaaaaaaaa, which is neither accepted nor announced.\n\ntarget: prod/"))
      << text;
  EXPECT_NE(text.find("\nobserved: " + test::kObserved + "\n"), std::string::npos) << text;
  EXPECT_NE(html.find("<h2 style=\"color:#b00020\">critical: drift.detected, ops-1</h2>"), std::string::npos) << html;
  EXPECT_NE(html.find("<tr><td>observed</td><td><code>" + test::kObserved + "</code></td></tr>"), std::string::npos)
      << html;
}

TEST(SmtpMessage, ADigestNamesEveryTargetInBoth) {
  const std::string mail = mail_of(test::digest_json(50));
  const std::string text = mail_part(mail, "text/plain"), html = mail_part(mail, "text/html");
  for (int i = 0; i < 50; ++i) {
    const std::string name = "charge-" + std::to_string(i) + ":";
    EXPECT_NE(text.find(name), std::string::npos) << i;
    EXPECT_NE(html.find("<li><code>prod/ap-guangzhou/default/" + name), std::string::npos) << i;
  }
}

TEST(SmtpMessage, NothingFromOutsideIsAHeaderOrMarkup) {
  Json alert = alert_json("drift.detected");
  alert["kind"] = "k\r\nBcc: all@example.com";
  alert["severity"] = "s\nX-Evil: 1";
  alert["instance"] = "<b>\r\n.\r\nQUIT";
  alert["summary"] = "<script>alert('x')</script> & \"more\"\r\n--=_cd_alertid1";
  alert["reason"] = "<img src=x>";
  const std::string mail = mail_of(alert);
  EXPECT_EQ(mail.find("\r\nBcc"), std::string::npos);
  EXPECT_EQ(mail.find("\nX-Evil"), std::string::npos);
  EXPECT_EQ(mail.find("\r\n.\r\n"), std::string::npos);
  const std::string html = mail_part(mail, "text/html");
  EXPECT_NE(html.find("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;more&quot;"), std::string::npos)
      << html;
  EXPECT_NE(html.find("<td>reason</td><td>&lt;img src=x&gt;</td>"), std::string::npos) << html;
  EXPECT_NE(mail_part(mail, "text/plain").find("<img src=x>"), std::string::npos) << "text is text";
}

TEST(SmtpMessage, NoLineIsTooLongAndAllOfItIsAscii) {
  Json alert = alert_json("drift.detected");
  std::string wide;
  for (int i = 0; i < 5'000; ++i) wide += "数";
  for (const char* name : {"summary", "reason", "instance", "kind", "severity"}) alert[name] = wide;
  alert["target"] = nullptr;
  alert["id"] = std::string(64, 'i');
  Envelope many = kEnvelope;
  many.subject_prefix = wide.substr(0, 300);
  many.to = std::vector<std::string>(50, std::string(240, 'r') + "@example.com");
  std::istringstream lines(message(alert_of(alert), many, WallTime{}));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 999U) << "998 and CR";
    EXPECT_TRUE(line.ends_with('\r')) << line;
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c > 0 && c < 0x7F; })) << line;
  }
  const std::string mail = message(alert_of(alert), many, WallTime{});
  EXPECT_LE(mail_header(mail, "Content-Type").size(), std::string("multipart/alternative; boundary=\"\"").size() + 70);
}

TEST(SmtpMessage, AHeaderBeyondAsciiIsInEncodedWords) {
  EXPECT_EQ(header_text("plain text"), "plain text");
  EXPECT_EQ(header_text("数据"), "=?utf-8?B?5pWw5o2u?=");
  std::string wide;
  for (int i = 0; i < 40; ++i) wide += "数";
  std::istringstream words(header_text(wide));
  std::string together;
  for (std::string line; std::getline(words, line);) {
    line = std::string(trimmed(line));
    EXPECT_LE(line.size(), 75U);
    ASSERT_TRUE(line.starts_with("=?utf-8?B?") && line.ends_with("?=")) << line;
    together += base64_decode(line.substr(10, line.size() - 12)).value();
  }
  EXPECT_EQ(together, wide);
}

TEST(SmtpMessage, AsciiThatLooksLikeAnEncodedWordIsEncoded) {
  EXPECT_EQ(header_text("=?utf-8?B?QQ==?="), "=?utf-8?B?PT91dGYtOD9CP1FRPT0/PQ==?=");
  EXPECT_EQ(header_text("a = b? yes"), "a = b? yes");
  Json alert = alert_json("drift.detected");
  alert["instance"] = "=?utf-8?Q?all_is_well?=";
  EXPECT_EQ(mail_header(mail_of(alert), "Subject").find("all_is_well"), std::string::npos);
}

TEST(SmtpMessage, ALineWithAnEncodedWordIsNoLongerThanItMayBe) {
  Json alert = alert_json("drift.detected");
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += i % 2 == 0 ? "数" : "é";
  for (const char* name : {"summary", "instance", "kind", "severity"}) alert[name] = wide;
  Envelope envelope = kEnvelope;
  envelope.subject_prefix = "[" + wide + "]";
  std::istringstream lines(message(alert_of(alert), envelope, WallTime{}));
  int encoded = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("=?utf-8?B?") == std::string::npos) continue;
    ++encoded;
    EXPECT_LE(line.size(), 77U) << "76 and CR: " << line;
  }
  EXPECT_GT(encoded, 10);
}

TEST(SmtpTrace, TheReplySaysWhatCameOfIt) {
  struct Case {
    std::vector<std::pair<const char*, const char*>> talk;  ///< empty: nothing was said by this side, or came
    codedriftd_result result;
    int status;
    const char* text;
  };
  const std::pair<const char*, const char*> hello{"", "220 mail.test ESMTP"}, ehlo{"EHLO x", "250 OK"};
  const Case cases[] = {
      {{hello,
        ehlo,
        {"MAIL FROM:<a@b.c> SIZE=12", "250 OK"},
        {"RCPT TO:<d@e.f>", "250 OK"},
        {"DATA", "354 go on"},
        {"", "250 2.0.0 queued as 7"}},
       CODEDRIFTD_DELIVERED,
       250,
       "SMTP 250 2.0.0 queued as 7"},
      {{hello,
        ehlo,
        {"MAIL FROM:<a@b.c>", "250 OK"},
        {"RCPT TO:<d@e.f>", "250 OK"},
        {"RCPT TO:<g@h.i>", "550 5.1.1 no such user"},
        {"DATA", "354 go on"},
        {"", "250 OK"}},
       CODEDRIFTD_DELIVERED,
       250,
       "SMTP 250 OK; not for all: SMTP 550 to RCPT TO:<g@h.i>: 550 5.1.1 no such user"},
      {{{"", "554 no service for you"}},
       CODEDRIFTD_DESTINATION_REFUSED,
       554,
       "SMTP 554 to greeting: 554 no service for you"},
      {{{"", "421 too busy"}}, CODEDRIFTD_RETRY, 421, "SMTP 421 to greeting: 421 too busy"},
      {{hello, ehlo, {"STARTTLS", "454 not now"}}, CODEDRIFTD_RETRY, 454, "SMTP 454 to STARTTLS: 454 not now"},
      {{hello, ehlo, {"AUTH PLAIN c2VjcmV0", "535 5.7.8 credentials invalid"}},
       CODEDRIFTD_DESTINATION_REFUSED,
       535,
       "SMTP 535 to AUTH: 535 5.7.8 credentials invalid"},
      {{hello, ehlo, {"AUTH LOGIN", "334 VXNlcm5hbWU6"}, {"b3Bz", "334 UGFzc3dvcmQ6"}, {"c2VjcmV0", "535 no"}},
       CODEDRIFTD_DESTINATION_REFUSED,
       535,
       "SMTP 535 to AUTH: 535 no"},
      {{hello, ehlo, {"AUTH PLAIN c2VjcmV0", "454 later"}}, CODEDRIFTD_RETRY, 454, "SMTP 454 to AUTH: 454 later"},
      {{hello, ehlo, {"MAIL FROM:<a@b.c> SIZE=12", "550 not from you"}},
       CODEDRIFTD_DESTINATION_REFUSED,
       550,
       "SMTP 550 to MAIL FROM:<a@b.c>: 550 not from you"},
      {{hello, ehlo, {"MAIL FROM:<a@b.c> SIZE=12", "552 5.3.4 too big"}},
       CODEDRIFTD_REJECTED,
       552,
       "SMTP 552 to MAIL FROM:<a@b.c>: 552 5.3.4 too big"},
      {{hello, ehlo, {"RCPT TO:<d@e.f>", "552 mailbox full"}},
       CODEDRIFTD_DESTINATION_REFUSED,
       552,
       "SMTP 552 to RCPT TO:<d@e.f>: 552 mailbox full"},
      {{hello,
        ehlo,
        {"MAIL FROM:<a@b.c>", "250 OK"},
        {"RCPT TO:<d@e.f>", "550 nobody"},
        {"RCPT TO:<g@h.i>", "551 nobody"},
        {"QUIT", "221 bye"}},
       CODEDRIFTD_DESTINATION_REFUSED,
       551,
       "SMTP 551 to RCPT TO:<g@h.i>: 551 nobody"},
      {{hello,
        ehlo,
        {"MAIL FROM:<a@b.c>", "250 OK"},
        {"RCPT TO:<d@e.f>", "450 grey"},
        {"RCPT TO:<g@h.i>", "551 nobody"}},
       CODEDRIFTD_RETRY,
       450,
       "SMTP 450 to RCPT TO:<d@e.f>: 450 grey"},
      {{hello, ehlo, {"RCPT TO:<d@e.f>", "250 OK"}, {"DATA", "354 go on"}, {"", "552 too much"}},
       CODEDRIFTD_REJECTED,
       552,
       "SMTP 552 to message: 552 too much"},
      {{hello, ehlo, {"RCPT TO:<d@e.f>", "250 OK"}, {"DATA", "354 go on"}, {"", "451 disk"}},
       CODEDRIFTD_RETRY,
       451,
       "SMTP 451 to message: 451 disk"},
      {{hello, ehlo, {"RCPT TO:<d@e.f>", "250 OK"}, {"DATA", "354 go on"}}, CODEDRIFTD_RETRY, 0, "why not"},
      {{}, CODEDRIFTD_RETRY, 0, "why not"}};
  for (const Case& c : cases) {
    Trace trace;
    for (const auto& [sent, came] : c.talk) {
      if (*sent != '\0') trace.sent(std::string(sent) + "\r\n");
      trace.came(std::string(came) + "\r\n");
    }
    const auto outcome = judge(trace, false, "why not");
    EXPECT_EQ(outcome.result, c.result) << c.text;
    EXPECT_EQ(outcome.status, c.status) << c.text;
    EXPECT_EQ(outcome.text, c.text);
    for (const Exchange& one : trace.exchanges()) EXPECT_EQ(one.command.find("c2Vj"), std::string::npos);
  }
}

TEST(SmtpTrace, AReplyOfSeveralLinesCountsByItsLast) {
  Trace trace;
  trace.came("220 mail.test\r\n");
  trace.sent("EHLO x\r\n");
  for (const char* line : {"250-mail.test\r\n", "250-STARTTLS\r\n", "250 AUTH PLAIN\r\n"}) trace.came(line);
  ASSERT_EQ(trace.exchanges().size(), 2U);
  EXPECT_EQ(trace.exchanges()[1].code, 250);
  EXPECT_EQ(trace.exchanges()[1].reply, "250-mail.test 250-STARTTLS 250 AUTH PLAIN");
}

/// An attempt: what each recipient was answered, and the message; no message if that is empty.
struct Attempt {
  const char* alert;
  std::vector<std::pair<std::string, std::string>> answers;
  const char* message;
  Millis at;
  codedriftd_result result;
};

/// What `recipients` makes of each; it has to ask for those who are answered.
void expect_attempts(const char* what, const std::vector<Attempt>& attempts) {
  const std::vector<std::string> all = {"a@x.y", "b@x.y", "c@x.y"};
  Recipients recipients;
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    SCOPED_TRACE(fmt::format("{}, attempt {}", what, i + 1));
    const Attempt& attempt = attempts[i];
    Trace trace;
    std::vector<std::string> asked;
    for (const auto& [who, answer] : attempt.answers) {
      asked.push_back(who);
      trace.sent("RCPT TO:<" + who + ">\r\n");
      trace.came(answer + "\r\n");
    }
    if (*attempt.message != '\0') {
      trace.sent("DATA\r\n");
      trace.came("354 go on\r\n");
      trace.came(std::string(attempt.message) + "\r\n");
    }
    const auto left = recipients.left(attempt.alert, all);
    if (!asked.empty()) {
      EXPECT_EQ(left, asked);
    }
    const auto outcome = recipients.settle(attempt.alert, left, trace, judge(trace, false, "no connection"),
                                           MonoTime{} + std::chrono::hours(1) + attempt.at);
    EXPECT_EQ(outcome.result, attempt.result) << outcome.text;
  }
}

TEST(SmtpRecipients, WhoHasTheMailGetsItNoMoreAndWhoIsRefusedForNowIsWaitedFor) {
  constexpr auto kDelivered = CODEDRIFTD_DELIVERED, kRetry = CODEDRIFTD_RETRY;
  const std::string a = "a@x.y", b = "b@x.y", c = "c@x.y", ok = "250 OK", later = "450 later", no = "550 nobody";
  const Millis soon{60'000}, late = kLongestLate, before = kLongestLate - Millis{1};
  expect_attempts("all at once", {{"1", {{a, ok}, {b, ok}, {c, ok}}, "250 OK", Millis{0}, kDelivered},
                                  {"1", {{a, ok}, {b, ok}, {c, ok}}, "250 OK", soon, kDelivered}});
  expect_attempts("one later", {{"1", {{a, ok}, {b, later}, {c, no}}, "250 OK", Millis{0}, kRetry},
                                {"2", {{a, ok}, {b, ok}, {c, ok}}, "250 OK", soon, kDelivered},
                                {"1", {{b, ok}}, "250 OK", soon, kDelivered}});
  expect_attempts("one refused in the end", {{"1", {{a, ok}, {b, later}, {c, later}}, "250 OK", Millis{0}, kRetry},
                                             {"1", {{b, later}, {c, ok}}, "250 OK", soon, kRetry},
                                             {"1", {{b, no}}, "", soon, kDelivered}});
  expect_attempts("the weather in between", {{"1", {{a, ok}, {b, later}, {c, ok}}, "250 OK", Millis{0}, kRetry},
                                             {"1", {}, "", soon, kRetry},
                                             {"1", {{b, ok}}, "451 disk", soon, kRetry},
                                             {"1", {{b, ok}}, "250 OK", soon, kDelivered}});
  expect_attempts("the message refused for the rest", {{"1", {{a, ok}, {b, later}, {c, ok}}, "250 OK", soon, kRetry},
                                                       {"1", {{b, ok}}, "554 spam", soon, kDelivered}});
  expect_attempts("none at first", {{"1", {{a, later}, {b, no}, {c, no}}, "", Millis{0}, kRetry},
                                    {"1", {{a, ok}, {b, no}, {c, no}}, "250 OK", late, kDelivered}});
  expect_attempts("late for too long", {{"1", {{a, ok}, {b, later}, {c, ok}}, "250 OK", Millis{0}, kRetry},
                                        {"1", {{b, later}}, "", before, kRetry},
                                        {"1", {{b, later}}, "", late, kDelivered},
                                        {"2", {{a, ok}, {b, later}, {c, ok}}, "250 OK", late, kDelivered},
                                        {"3", {{a, ok}, {b, ok}, {c, ok}}, "250 OK", late, kDelivered},
                                        {"4", {{a, ok}, {b, later}, {c, ok}}, "250 OK", late, kRetry}});
}

TEST(SmtpRecipients, ADestinationThatRefusesInBetweenRefuses) {
  const std::vector<std::string> all = {"a@x.y", "b@x.y"};
  Recipients recipients;
  Trace some;
  for (const char* line : {"RCPT TO:<a@x.y>\r\n", "RCPT TO:<b@x.y>\r\n", "DATA\r\n"}) {
    some.sent(line);
    some.came(line[0] == 'D' ? "354 go on\r\n" : line[9] == 'a' ? "250 OK\r\n" : "450 later\r\n");
  }
  some.came("250 OK\r\n");
  ASSERT_EQ(recipients.settle("1", all, some, judge(some, false, ""), MonoTime{}).result, CODEDRIFTD_RETRY);
  Trace login;
  login.sent("AUTH PLAIN\r\n");
  login.came("535 no\r\n");
  EXPECT_EQ(recipients.settle("1", {"b@x.y"}, login, judge(login, false, ""), MonoTime{}).result,
            CODEDRIFTD_DESTINATION_REFUSED);
  EXPECT_EQ(recipients.left("1", all), std::vector<std::string>{"b@x.y"});
}

Json smtp_config(const Json& more) {
  Json config{{"server", "smtp://mail.example"},
              {"starttls", true},
              {"from", "drift@example.com"},
              {"to", {"ops@example.com"}},
              {"auth", "auto"},
              {"subject_prefix", "[codedriftd]"},
              {"timeout_s", 30}};
  config.update(more);
  return config;
}

TEST(SmtpOptions, TheServersSchemeSaysWhenTlsBegins) {
  struct Case {
    const char* server;
    bool tls_first;
    const char* host;
    uint16_t port;
  };
  constexpr Case kCases[] = {{"smtp://mail.example", false, "mail.example", 587},
                             {"smtp://mail.example:2525", false, "mail.example", 2525},
                             {"smtps://mail.example", true, "mail.example", 465},
                             {"smtps://[2001:db8::1]", true, "2001:db8::1", 465},
                             {"smtp://[::1]:25", false, "::1", 25}};
  for (const Case& c : kCases) {
    const auto options = read_options(smtp_config({{"server", c.server}}).dump());
    ASSERT_TRUE(options) << c.server << ": " << options.error().message;
    EXPECT_EQ(options->server.tls_first, c.tls_first) << c.server;
    EXPECT_EQ(options->server.host, c.host) << c.server;
    EXPECT_EQ(options->server.port, c.port) << c.server;
  }
  EXPECT_TRUE(read_options(smtp_config({{"server", "smtp://localhost:25"}, {"starttls", false}}).dump()));
}

TEST(SmtpOptions, WhatCannotWorkIsToldWithItsRemedy) {
  struct Case {
    Json more;
    const char* says;
  };
  const Case cases[] = {
      {{{"server", "mail.example"}},
       "server: \"mail.example\": begins with neither smtp:// nor smtps://; it should be"},
      {{{"server", "smtp://"}}, "server: \"smtp://\": "},
      {{{"server", "smtp://u:secret@mail.example"}}, "server: \"smtp://***@mail.example\""},
      {{{"server", "smtp://mail.example/x"}}, "has something behind the port"},
      {{{"starttls", false}}, "starttls: false is for a server on this machine alone; mail.example is another one"},
      {{{"server", "smtp://localhost"}, {"starttls", false}, {"ca_file", "/ca.pem"}}, "starttls = false does without"},
      {{{"ca_file", "/no/such/ca.pem"}}, "ca_file: /no/such/ca.pem: cannot be read"},
      {{{"from", "nobody"}}, "from: \"nobody\" should be an address alone, such as \"ops@example.com\""},
      {{{"from", "Drift <drift@example.com>"}}, "from: \"Drift <drift@example.com>\" should be an address alone"},
      {{{"to", {"ops@example.com", "a@b\r\nRCPT TO:<x@y>"}}},
       "to: \"a@b\\u{d}\\u{a}RCPT TO:<x@y>\" should be an address"},
      {{{"to", {"数@example.com"}}}, "in ASCII and without a name"},
      {{{"to", Json::array()}}, "to: is empty; it should be a list of addresses"},
      {{{"username", "ops"}}, "password_file: is missing; username goes with it"},
      {{{"password", "secret"}}, "username: is missing; password_file goes with it"},
      {{{"username", "ops"}, {"password", "sec\nret"}}, "username and password_file: each should be one line"}};
  for (const Case& c : cases) {
    const auto options = read_options(smtp_config(c.more).dump());
    ASSERT_FALSE(options) << c.more;
    EXPECT_NE(options.error().message.find(c.says), std::string::npos) << options.error().message;
    EXPECT_EQ(options.error().message.find("secret"), std::string::npos) << options.error().message;
  }
}

}  // namespace
}  // namespace codedriftd::smtp
