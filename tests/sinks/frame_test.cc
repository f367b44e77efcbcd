#include "sinks/frame.h"

#include <gtest/gtest.h>

#include <string>

namespace codedriftd {
namespace {

PluginInfo sample_plugin() {
  PluginInfo plugin{"webhook", "1.2", 0, 1, 60, 5, true, {}};
  PluginOption url{"url", "the address", std::nullopt, OptionType::string, true, false, true, 1, 2048, {"a", "b"}};
  PluginOption retries{"retries", "", "3", OptionType::integer, false, false, false, -5, 10, {}};
  plugin.options = {url, retries};
  return plugin;
}

Request deliver_request() { return DeliverRequest{"abc", std::string("{\"a\":\0}", 7), 3, -1}; }

std::string with_byte(std::string bytes, std::size_t at, char value) {
  bytes.at(at) = value;
  return bytes;
}

TEST(Frame, RequestsComeOutAsTheyWentIn) {
  const Request requests[] = {OpenRequest{"{}", {{"secret", "/a/b"}, {"url", "c"}}}, deliver_request(),
                              ProbeRequest{1234567890123}, CloseRequest{}};
  uint32_t sequence = 7;
  for (const Request& request : requests) {
    const auto parsed = parse_request(encode(Frame<Request>{++sequence, request}));
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->sequence, sequence);
    EXPECT_EQ(parsed->body, request);
  }
}

TEST(Frame, RepliesComeOutAsTheyWentIn) {
  const CallReply call{-42, 4'000'000'000U, 503, "no"};
  const LogReply line{4, 17, "text"};
  const auto parsed_call = parse_reply(encode(Frame<Reply>{9, call}));
  const auto parsed_line = parse_reply(encode(Frame<Reply>{0, line}));
  const auto unusable = parse_reply(encode(Frame<Reply>{0, UnusableReply{"why"}}));
  ASSERT_TRUE(parsed_call && parsed_line && unusable);
  EXPECT_EQ(std::get<CallReply>(parsed_call->body), call);
  EXPECT_EQ(std::get<LogReply>(parsed_line->body), line);
  EXPECT_EQ(std::get<UnusableReply>(unusable->body).text, "why");
}

TEST(Frame, ADescriptionCarriesTheWholeTable) {
  const auto parsed = parse_reply(encode(Frame<Reply>{0, DescribeReply{"0.1.0", sample_plugin()}}));
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto& described = std::get<DescribeReply>(parsed->body);
  EXPECT_EQ(described.host_version, "0.1.0");
  const PluginInfo& plugin = described.plugin;
  EXPECT_EQ(plugin.name, "webhook");
  EXPECT_EQ(plugin.version, "1.2");
  EXPECT_EQ(plugin.per_minute, 60U);
  EXPECT_EQ(plugin.burst, 5U);
  EXPECT_TRUE(plugin.can_probe);
  ASSERT_EQ(plugin.options.size(), 2U);
  EXPECT_TRUE(plugin.options[0].required);
  EXPECT_TRUE(plugin.options[0].in_file);
  EXPECT_EQ(plugin.options[0].default_value, std::nullopt);
  EXPECT_EQ(plugin.options[0].choices, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(plugin.options[1].type, OptionType::integer);
  EXPECT_EQ(plugin.options[1].default_value, "3");
  EXPECT_EQ(plugin.options[1].min, -5);
}

TEST(Frame, TheLongestAlertFitsAndAnythingLongerIsNotEncoded) {
  DeliverRequest longest{std::string(64, 'i'), std::string(kMaxAlertBytes, 'x'), 1, 0};
  const std::string bytes = encode(Frame<Request>{1, longest});
  ASSERT_FALSE(bytes.empty());
  EXPECT_TRUE(parse_request(bytes));
  longest.json.resize(kMaxFramePayload);
  EXPECT_EQ(encode(Frame<Request>{1, longest}), "");
}

TEST(Frame, EveryCutAndEveryExtraByteIsRefused) {
  const std::string request = encode(Frame<Request>{1, OpenRequest{"{}", {{"secret", "/a"}}}});
  const std::string reply = encode(Frame<Reply>{0, DescribeReply{"0", sample_plugin()}});
  for (std::size_t length = 0; length < request.size(); ++length)
    EXPECT_FALSE(parse_request(request.substr(0, length)));
  for (std::size_t length = 0; length < reply.size(); ++length) EXPECT_FALSE(parse_reply(reply.substr(0, length)));
  EXPECT_FALSE(parse_request(request + '\0'));
  EXPECT_FALSE(parse_reply(reply + '\0'));
}

TEST(Frame, WhatIsNotAFrameIsRefusedWithAReason) {
  const std::string good = encode(Frame<Request>{1, deliver_request()});
  const std::string reply = encode(Frame<Reply>{1, CallReply{}});
  struct Case {
    std::string bytes;
    const char* reason;
  };
  const Case cases[] = {
      {"", "shorter than its head"},
      {std::string(kMaxFrame + 1, 'x'), "more than"},
      {with_byte(good, 0, 'X'), "not a frame"},
      {with_byte(good, 8, static_cast<char>(good[8] ^ 1)), "different builds"},
      {with_byte(good, 6, 1), "head does not fit"},
      {with_byte(good, 20, static_cast<char>(good[20] ^ 1)), "head does not fit"},
      {with_byte(good, 4, 99), "does not belong here"},
      {with_byte(good, 24, static_cast<char>(0xFF)), "fields do not fit"},  // the length of the id
      {reply, "does not belong here"},                                      // the other direction's
  };
  for (const Case& c : cases) {
    const auto parsed = parse_request(c.bytes);
    ASSERT_FALSE(parsed) << c.reason;
    EXPECT_NE(parsed.error().message.find(c.reason), std::string::npos) << parsed.error().message;
  }
  EXPECT_FALSE(parse_reply(good));
}

TEST(Frame, ACountThatCannotBeTrueAllocatesNothingAndIsRefused) {
  std::string bytes = encode(Frame<Request>{1, OpenRequest{"", {}}});
  ASSERT_EQ(bytes.size(), kFrameHead + 8);
  for (std::size_t i = kFrameHead + 4; i < bytes.size(); ++i) bytes[i] = static_cast<char>(0xFF);
  EXPECT_FALSE(parse_request(bytes));
}

TEST(Frame, OneValueHasOneEncoding) {
  std::string bytes = encode(Frame<Reply>{0, DescribeReply{"", PluginInfo{"", "", 0, 0, 0, 0, true, {}}}});
  const std::size_t can_probe = bytes.size() - 5;  // before the count of options
  ASSERT_EQ(bytes[can_probe], 1);
  EXPECT_TRUE(parse_reply(bytes));
  EXPECT_FALSE(parse_reply(with_byte(bytes, can_probe, 2)));
}

}  // namespace
}  // namespace codedriftd
