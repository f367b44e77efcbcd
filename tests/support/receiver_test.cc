#include "support/receiver.h"

#include <gtest/gtest.h>

#include "support/http_message.h"
#include "support/scf_client.h"

namespace codedriftd::test {
namespace {

RawReply post(const Receiver& receiver, const std::string& body, Millis at_most = Millis{2000}) {
  return raw_exchange(receiver.port(),
                      http_post({{"Host", "r"}, {"Webhook-Id", "a1"}, {"Connection", "close"}}, body, "/hook"),
                      at_most);
}

TEST(Receiver, RecordsWhatArrivesAndAnswers204) {
  Receiver receiver;
  EXPECT_TRUE(post(receiver, "one").bytes.starts_with("HTTP/1.1 204 "));
  ASSERT_TRUE(receiver.wait_for(1, Millis{5000}));
  const ReceivedRequest request = receiver.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/hook");
  EXPECT_EQ(request.body, "one");
  EXPECT_EQ(request.header("webhook-id"), "a1");
  EXPECT_EQ(request.header("no-such"), "");
  EXPECT_FALSE(receiver.wait_for(2, Millis{20}));
}

TEST(Receiver, PlaysItsScriptInOrderAndThenTheDefault) {
  Receiver receiver;
  receiver.set_default({.status = 200, .body = "ok"});
  receiver.script({{.status = 503, .headers = {{"Retry-After", "7"}}},
                   {.status = 302, .headers = {{"Location", "http://127.0.0.1:1/"}}},
                   {.fault = Fault::reset_before_reading},
                   {.fault = Fault::reset_after_reading},
                   {.fault = Fault::garbage}});
  const RawReply busy = post(receiver, "1");
  EXPECT_TRUE(busy.bytes.starts_with("HTTP/1.1 503 "));
  EXPECT_NE(busy.bytes.find("Retry-After: 7\r\n"), std::string::npos);
  EXPECT_TRUE(post(receiver, "2").bytes.starts_with("HTTP/1.1 302 "));
  EXPECT_TRUE(post(receiver, "3").reset);
  EXPECT_TRUE(post(receiver, "4").reset);
  EXPECT_NE(post(receiver, "5").bytes.find("not HTTP"), std::string::npos);
  EXPECT_TRUE(post(receiver, "6").bytes.ends_with("ok"));
  EXPECT_EQ(receiver.count(), 5u) << "one was reset before it was read";
}

TEST(Receiver, HangsWhenToldAndStopsAllTheSame) {
  Receiver receiver;
  receiver.set_default({.fault = Fault::never_answer});
  EXPECT_EQ(post(receiver, "1", Millis{100}).bytes, "");
  receiver.set_default({.delay = std::chrono::hours(1)});
  EXPECT_EQ(post(receiver, "2", Millis{100}).bytes, "");
  receiver.stop();
}

TEST(Receiver, ReadsChunkedBodies) {
  Receiver receiver;
  raw_exchange(
      receiver.port(),
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  ASSERT_EQ(receiver.count(), 1u);
  EXPECT_EQ(receiver.requests()[0].body, "abcde");
}

TEST(Receiver, DropsWhatIsNotHttp) {
  Receiver receiver;
  for (const char* bytes :
       {"nonsense\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 9x\r\n\r\n", "POST / HTTP/1.1\r\nbad\r\n\r\n"})
    EXPECT_TRUE(raw_exchange(receiver.port(), bytes).closed) << bytes;
  EXPECT_EQ(receiver.count(), 0u);
}

}  // namespace
}  // namespace codedriftd::test
