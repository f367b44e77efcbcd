#include "support/fault.h"

#include <gtest/gtest.h>

#include "support/process.h"
#include "support/scf_client.h"
#include "support/simulated_scf.h"

namespace codedriftd::test {
namespace {

RawReply meet(Fault fault, Millis at_most = Millis{2000}, std::size_t enough = 1 << 20) {
  SimulatedScf scf;
  scf.set(kChargeKey, std::string(64, 'a'));
  scf.set_fault(fault == Fault::reset_before_reading ? "*" : kChargeKey, fault);
  const std::string host = "127.0.0.1:" + std::to_string(scf.port());
  ScfClientRequest request{.body = kChargeBody};
  Headers headers = signed_headers(request, host);
  headers.emplace_back("Connection", "close");
  return raw_exchange(scf.port(), http_post(headers, kChargeBody), at_most, enough);
}

std::string body_of(const RawReply& reply) {
  const std::size_t end = reply.bytes.find("\r\n\r\n");
  return end == std::string::npos ? "" : reply.bytes.substr(end + 4);
}

TEST(Faults, AllHaveANameThatReadsBack) {
  EXPECT_EQ(all_faults().size(), 29u);
  for (const Fault fault : all_faults()) EXPECT_EQ(parse_fault(fault_name(fault)), fault) << fault_name(fault);
  EXPECT_FALSE(parse_fault("no such fault"));
}

TEST(Faults, ResetAndCloseTheConnection) {
  for (const Fault fault : {Fault::reset_before_reading, Fault::reset_after_reading}) {
    const RawReply reply = meet(fault);
    EXPECT_TRUE(reply.reset) << fault_name(fault);
    EXPECT_EQ(reply.bytes, "");
  }
  const RawReply closed = meet(Fault::close_without_answer);
  EXPECT_TRUE(closed.closed);
  EXPECT_EQ(closed.bytes, "");
}

TEST(Faults, NeverAnswer) {
  const RawReply reply = meet(Fault::never_answer, Millis{200});
  EXPECT_FALSE(reply.closed || reply.reset);
  EXPECT_EQ(reply.bytes, "");
}

TEST(Faults, DripOneByteAtATime) {
  const RawReply headers = meet(Fault::drip_headers, Millis{300});
  EXPECT_FALSE(headers.closed);
  EXPECT_NE(headers.bytes.find("X-Drip: dd"), std::string::npos);
  EXPECT_EQ(headers.bytes.find("\r\n\r\n"), std::string::npos);
  const RawReply body = meet(Fault::drip_body, Millis{300});
  EXPECT_FALSE(body.closed);
  EXPECT_GE(body_of(body).size(), 2u);
  EXPECT_LE(body_of(body).size(), 30u);
}

TEST(Faults, FloodWithoutEnd) {
  const RawReply headers = meet(Fault::flood_headers, Millis{10000}, 8 << 20);
  EXPECT_GE(headers.bytes.size(), 8u << 20);
  EXPECT_EQ(headers.bytes.find("\r\n\r\n"), std::string::npos);
  const RawReply body = meet(Fault::endless_body, Millis{10000}, 8 << 20);
  EXPECT_GE(body.bytes.size(), 8u << 20);
  EXPECT_NE(body.bytes.find("Transfer-Encoding: chunked"), std::string::npos);
  const RawReply huge = meet(Fault::huge_body, Millis{20000}, 1 << 30);
  EXPECT_EQ(body_of(huge).size(), 64u << 20);
}

TEST(Faults, LieAboutTheLength) {
  const RawReply huge = meet(Fault::huge_content_length, Millis{200});
  EXPECT_FALSE(huge.closed);
  EXPECT_NE(huge.bytes.find("Content-Length: 9000000000000000000"), std::string::npos);
  const RawReply long_one = meet(Fault::long_content_length);
  EXPECT_TRUE(long_one.closed);
  const RawReply short_one = meet(Fault::short_content_length);
  EXPECT_TRUE(short_one.closed);
  EXPECT_TRUE(body_of(short_one).ends_with("}}"));
}

TEST(Faults, SendALongStatusLineGarbageAndABomb) {
  EXPECT_GT(meet(Fault::long_status_line).bytes.find("\r\n"), 60000u);
  EXPECT_NE(meet(Fault::garbage).bytes.find("not HTTP"), std::string::npos);
  const std::string bomb = body_of(meet(Fault::gzip_header));
  EXPECT_TRUE(bomb.starts_with("\x1f\x8b"));
  EXPECT_LT(bomb.size(), 80000u);
}

TEST(Faults, SpoilTheJson) {
  EXPECT_FALSE(body_of(meet(Fault::truncated_json)).ends_with("}}"));
  EXPECT_NE(body_of(meet(Fault::invalid_utf8)).find("\xff\xfe"), std::string::npos);
  const std::string deep = body_of(meet(Fault::deep_nesting));
  EXPECT_NE(deep.find(std::string(100000, '[')), std::string::npos);
  EXPECT_TRUE(deep.ends_with("}}"));
  EXPECT_EQ(body_of(meet(Fault::sha_missing)).find("CodeSha256"), std::string::npos);
  EXPECT_NE(body_of(meet(Fault::sha_empty)).find(R"("CodeSha256":"")"), std::string::npos);
  EXPECT_NE(body_of(meet(Fault::sha_null)).find(R"("CodeSha256":null)"), std::string::npos);
  EXPECT_NE(body_of(meet(Fault::sha_not_hex)).find(R"("CodeSha256":"fsdf)"), std::string::npos);
  EXPECT_NE(body_of(meet(Fault::sha_upper_case)).find(std::string(64, 'A')), std::string::npos);
  EXPECT_NE(body_of(meet(Fault::terminal_escapes)).find(R"(\u001b[31m)"), std::string::npos);
}

TEST(Faults, AnswerWithAnotherStatus) {
  EXPECT_TRUE(meet(Fault::http_500).bytes.starts_with("HTTP/1.1 500 "));
  EXPECT_TRUE(meet(Fault::http_502).bytes.starts_with("HTTP/1.1 502 "));
  EXPECT_TRUE(meet(Fault::http_503).bytes.starts_with("HTTP/1.1 503 "));
  const RawReply moved = meet(Fault::redirect);
  EXPECT_TRUE(moved.bytes.starts_with("HTTP/1.1 302 "));
  EXPECT_NE(moved.bytes.find("Location: /redirected"), std::string::npos);
}

TEST(Faults, AreOverAfterAsManyTimesAsTold) {
  SimulatedScf scf;
  scf.set(kChargeKey, std::string(64, 'a'));
  scf.set_fault(kChargeKey, Fault::http_500, 1);
  const std::string host = "127.0.0.1:" + std::to_string(scf.port());
  Headers headers = signed_headers({.body = kChargeBody}, host);
  const std::string first = http_post(headers, kChargeBody);
  headers.emplace_back("Connection", "close");
  const RawReply reply = raw_exchange(scf.port(), first + http_post(headers, kChargeBody));
  EXPECT_TRUE(reply.bytes.starts_with("HTTP/1.1 500 "));
  EXPECT_NE(reply.bytes.find("HTTP/1.1 200 OK"), std::string::npos);
  EXPECT_EQ(scf.statistics().by_answer.at("fault:http_500"), 1u);
}

}  // namespace
}  // namespace codedriftd::test
