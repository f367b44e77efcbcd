#include <gtest/gtest.h>

#include <regex>

#include "alert_samples.h"
#include "base/text.h"
#include "syslog/sender.h"

namespace codedriftd::syslog {
namespace {

using test::alert_json;
using test::alert_of;

std::string only(const Json& alert, const Style& style = {}) { return messages(alert_of(alert), style).at(0); }

TEST(SyslogMessage, IsWrittenAsRfc5424Says) {
  const std::string message = only(alert_json("drift.detected"));
  EXPECT_TRUE(
      message.starts_with("<26>1 2026-11-24T03:04:05.678Z ops-1 codedriftd - drift.detected "
                          "[codedriftd@32473 id=\"alertid1\" kind=\"drift.detected\" severity=\"critical\" "
                          "target=\"prod/ap-guangzhou/default/charge:$LATEST\" observed=\"" +
                          test::kObserved + "\" accepted=\"" + test::kAccepted + "\" driftSince="))
      << message;
  EXPECT_TRUE(
      message.ends_with("\"] prod/ap-guangzhou/default/charge:$LATEST runs code aaaaaaaaaaaa, which is neither "
                        "accepted nor announced."))
      << message;
}

TEST(SyslogMessage, FacilityAndSeverityAreItsPriority) {
  Style style;
  for (const auto& [facility, severity, priority] : {std::tuple{"daemon", "critical", "<26>"},
                                                     {"auth", "warning", "<36>"},
                                                     {"local7", "info", "<190>"},
                                                     {"user", "other", "<13>"},
                                                     {"authpriv", "critical", "<82>"},
                                                     {"nonsense", "critical", "<26>"}}) {
    style.facility = facility_number(facility);
    EXPECT_TRUE(only(alert_json("k", severity), style).starts_with(priority)) << facility << " " << severity;
  }
  std::string_view names = kFacilities;
  int others = 0;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find('|'));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    others += facility_number(name) == 3 ? 1 : 0;
  }
  EXPECT_EQ(others, 1) << "all but daemon itself have a number of their own";
}

TEST(SyslogMessage, TheLocalSocketGetsWhatSyslogWritesThere) {
  Style style;
  style.format = Format::bsd;
  const std::string message = only(alert_json("drift.detected"), style);
  EXPECT_TRUE(std::regex_search(
      message, std::regex(R"(^<26>Nov 2[345] \d\d:\d\d:05 codedriftd: prod/ap-guangzhou/default/charge:\$LATEST runs )"
                          R"(code aaaaaaaaaaaa, which is neither accepted nor announced\. \[id="alertid1" kind=)")))
      << message;
  EXPECT_TRUE(message.ends_with("\"]")) << message;
}

TEST(SyslogMessage, NothingFromOutsideEndsALineAFieldOrAValue) {
  Json alert = alert_json("drift.detected");
  alert["instance"] = "ops 1\n<13>1 forged";
  alert["summary"] = "one\n<13>1 2026-11-24T03:04:05Z forged\x1b[31m";
  alert["reason"] = R"("] forged \ [x)";
  alert["error"] = {{"code", "a\r\nb"}, {"message", "c"}};
  for (const Format format : {Format::rfc5424, Format::bsd}) {
    Style style;
    style.format = format;
    const std::string message = only(alert, style);
    EXPECT_TRUE(std::none_of(message.begin(), message.end(), [](char c) { return c >= 0 && c < 0x20; })) << message;
    EXPECT_NE(message.find(R"(reason="\"\] forged \\ [x")"), std::string::npos) << message;
    EXPECT_NE(message.find("one\\u{a}<13>1"), std::string::npos) << message;
  }
  EXPECT_NE(only(alert).find(" ops_1_<13>1_forged codedriftd "), std::string::npos)
      << "a field has no spaces: " << only(alert);
}

TEST(SyslogMessage, TextBeyondAsciiIsMarkedAsUtf8) {
  Json alert = alert_json("drift.detected");
  EXPECT_EQ(only(alert).find("\xEF\xBB\xBF"), std::string::npos);
  alert["summary"] = "数据";
  EXPECT_TRUE(only(alert).ends_with("] \xEF\xBB\xBF数据")) << only(alert);
}

TEST(SyslogMessage, KeepsItsLimitInBytesAndTheSummaryLongest) {
  Json hostile = alert_json("drift.detected");
  std::string summary;
  for (int i = 0; i < 5'000; ++i) summary += "数";
  hostile["summary"] = summary;
  hostile["reason"] = std::string(60'000, '"');
  hostile["error"] = {{"code", std::string(60'000, '\\')}, {"message", "x"}};
  hostile["instance"] = std::string(5'000, 'x');
  hostile["kind"] = std::string(5'000, 'y');
  for (const Format format : {Format::rfc5424, Format::bsd}) {
    for (const std::size_t limit : {480U, 600U, 1024U, 2048U, 8192U}) {
      Style style;
      style.format = format;
      style.max_bytes = limit;
      style.app_name = std::string(48, 'a');
      style.sd_id = "a-name-of-our-own-x@1.3.6.1.4.1";
      const std::string message = only(hostile, style);
      EXPECT_LE(message.size(), limit);
      EXPECT_TRUE(valid_utf8(message));
      EXPECT_NE(message.find("数数数数数数数数数数"), std::string::npos) << message;
    }
  }
}

TEST(SyslogMessage, ADigestHasOneForEachTarget) {
  const auto lines = messages(alert_of(test::digest_json(70)), {});
  ASSERT_EQ(lines.size(), 71U);
  EXPECT_NE(lines[0].find(" digest ["), std::string::npos) << lines[0];
  EXPECT_NE(lines[70].find("target=\"prod/ap-guangzhou/default/charge-69:$LATEST\""), std::string::npos) << lines[70];
  for (const std::string& line : lines) EXPECT_NE(line.find("id=\"alertid1\""), std::string::npos);
}

TEST(SyslogMessage, AHeartbeatTellsItsNumbers) {
  Json beat = alert_json("heartbeat", "info");
  beat["heartbeat"] = {{"watched", 12}, {"log_size", 345}, {"bad name=\"", 1}};
  const std::string message = only(beat);
  EXPECT_NE(message.find(" log_size=\"345\""), std::string::npos) << message;
  EXPECT_NE(message.find(" watched=\"12\""), std::string::npos) << message;
  EXPECT_EQ(message.find("bad name"), std::string::npos) << message;
}

TEST(SyslogMessage, AFrameHasItsLengthInFront) {
  EXPECT_EQ(framed({"<13>1 a", "数"}), "7 <13>1 a3 数");
  EXPECT_EQ(framed({}), "");
}

Json syslog_config(const Json& more) {
  Json config{{"address", "/dev/log"},    {"plain_tcp", false},          {"format", "auto"},  {"facility", "daemon"},
              {"app_name", "codedriftd"}, {"sd_id", "codedriftd@32473"}, {"max_bytes", 8192}, {"timeout_s", 15}};
  config.update(more);
  return config;
}

TEST(SyslogOptions, TheAddressSaysHowItIsReached) {
  struct Case {
    const char* text;
    Address::Kind kind;
    const char* host;
    uint16_t port;
    Format format;
  };
  constexpr Case kCases[] = {{"/dev/log", Address::Kind::local, "", 0, Format::bsd},
                             {"tls://logs.example", Address::Kind::tls, "logs.example", 6514, Format::rfc5424},
                             {"tls://logs.example:443", Address::Kind::tls, "logs.example", 443, Format::rfc5424},
                             {"tls://[2001:db8::1]:1234", Address::Kind::tls, "2001:db8::1", 1234, Format::rfc5424},
                             {"tcp://[::1]", Address::Kind::tcp, "::1", 601, Format::rfc5424},
                             {"tcp://127.0.0.1:514", Address::Kind::tcp, "127.0.0.1", 514, Format::rfc5424}};
  for (const Case& c : kCases) {
    const auto options = read_options(syslog_config({{"address", c.text}}).dump());
    ASSERT_TRUE(options) << c.text << ": " << options.error().message;
    EXPECT_EQ(options->address.kind, c.kind) << c.text;
    EXPECT_EQ(options->address.host, c.host) << c.text;
    EXPECT_EQ(options->address.port, c.port) << c.text;
    EXPECT_EQ(options->style.format, c.format) << c.text;
  }
  EXPECT_TRUE(read_options(syslog_config({{"address", "tcp://logs.example"}, {"plain_tcp", true}}).dump()));
}

TEST(SyslogOptions, WhatCannotWorkIsToldWithItsRemedy) {
  struct Case {
    Json more;
    const char* says;
  };
  const Case cases[] = {
      {{{"address", "logs.example"}},
       "address: \"logs.example\": begins with none of /, tls:// and tcp://; it should be"},
      {{{"address", "udp://logs.example"}}, "address: \"udp://logs.example\": begins with none of"},
      {{{"address", "tls://"}}, "address: \"tls://\": "},
      {{{"address", "tls://logs.example/x"}}, "has something behind the port"},
      {{{"address", "tls://u:secret@logs.example"}}, "address: \"tls://***@logs.example\""},
      {{{"address", "/" + std::string(200, 'x')}}, "is too long for the name of a socket"},
      {{{"address", "tcp://logs.example"}}, "use tls://, or set plain_tcp = true where the network is trusted"},
      {{{"ca_file", "/etc/ca.pem"}}, "are for an address with tls:// alone; leave them out"},
      {{{"address", "tls://logs.example"}, {"ca_file", "/no/such/ca.pem"}}, "ca_file: /no/such/ca.pem: cannot be read"},
      {{{"app_name", "two words"}}, "app_name: \"two words\" should be 1 to 48 printable ASCII characters"},
      {{{"sd_id", "name"}}, "sd_id: \"name\" should be NAME@NUMBER"},
      {{{"sd_id", "na\"me@1"}}, "sd_id: \"na\"me@1\" should be NAME@NUMBER"}};
  for (const Case& c : cases) {
    const auto options = read_options(syslog_config(c.more).dump());
    ASSERT_FALSE(options) << c.more;
    EXPECT_NE(options.error().message.find(c.says), std::string::npos) << options.error().message;
    EXPECT_EQ(options.error().message.find("secret"), std::string::npos) << options.error().message;
  }
}

}  // namespace
}  // namespace codedriftd::syslog
