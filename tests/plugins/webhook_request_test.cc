#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/json.h"
#include "http_sink/headers.h"
#include "support/process.h"
#include "support/standard_webhooks.h"
#include "support/temp_dir.h"
#include "support/test_ca.h"
#include "webhook/request.h"

namespace codedriftd::webhook {
namespace {

using test::kExampleId;
using test::kExampleSecret;
using test::kExampleTimestamp;

const std::string kAlert =
    R"({"schema":"codedriftd.alert.v1", "id":"abc","kind":"drift.detected","time":"2026-11-24T03:04:05.678Z",)"
    R"("instance":"ops-1","target":{"address":"prod/ap-guangzhou/default/charge:$LATEST"},"n":1.50})";

std::map<std::string, std::string> by_name(const std::vector<HttpHeader>& headers) {
  std::map<std::string, std::string> map;
  for (const HttpHeader& header : headers) EXPECT_TRUE(map.emplace(header.name, header.value).second) << header.name;
  return map;
}

TEST(CloudEvent, HoldsExactlyTheMembersOfTheContractAndTheAlertByteByByte) {
  const auto event = make_message(Format::cloudevents, kAlert);
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->content_type, "application/cloudevents+json");
  EXPECT_EQ(event->body,
            R"({"specversion":"1.0","id":"abc","source":"codedriftd/ops-1","type":"codedriftd.drift.detected",)"
            R"("subject":"prod/ap-guangzhou/default/charge:$LATEST","time":"2026-11-24T03:04:05.678Z",)"
            R"("timestamp":"2026-11-24T03:04:05.678Z","datacontenttype":"application/json","data":)" +
                kAlert + "}");
  EXPECT_TRUE(Json::accept(event->body));
}

TEST(CloudEvent, HasNoSubjectWithoutATarget) {
  const auto event = make_message(
      Format::cloudevents, R"({"id":"i","kind":"account.failing","time":"t","instance":"a\"b\u001b","target":null})");
  ASSERT_TRUE(event);
  const Json parsed = Json::parse(event->body);
  EXPECT_FALSE(parsed.contains("subject"));
  EXPECT_EQ(parsed["source"], "codedriftd/a%22b%1B");
  EXPECT_EQ(parsed.size(), 8U);
}

TEST(CloudEvent, RefusesWhatIsNoAlert) {
  for (const char* alert :
       {"", "[]", "{", "{}", R"({"id":1,"kind":"k","time":"t","instance":"i"})", R"({"id":"i","kind":"k","time":"t"})",
        R"({"id":"i","kind":"k","time":"t","instance":"i"} )"
        "x"}) {
    EXPECT_FALSE(make_message(Format::cloudevents, alert)) << alert;
  }
}

TEST(BinaryMode, HasTheAttributesInHeadersAndTheAlertAsTheBody) {
  const auto message = make_message(
      Format::cloudevents_binary,
      R"({"id":"abc","kind":"drift.detected","time":"2026-11-24T03:04:05.678Z","instance":"ops 1é","target":null})");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->content_type, "application/json");
  const std::map<std::string, std::string> expected = {{"ce-specversion", "1.0"},
                                                       {"ce-id", "abc"},
                                                       {"ce-source", "codedriftd/ops%25201%25C3%25A9"},
                                                       {"ce-type", "codedriftd.drift.detected"},
                                                       {"ce-time", "2026-11-24T03:04:05.678Z"},
                                                       {"ce-timestamp", "2026-11-24T03:04:05.678Z"}};
  EXPECT_EQ(by_name(message->headers), expected);
  EXPECT_EQ(make_message(Format::cloudevents_binary, kAlert)->body, kAlert);
  EXPECT_EQ(by_name(make_message(Format::cloudevents_binary, kAlert)->headers)["ce-subject"],
            "prod/ap-guangzhou/default/charge:$LATEST");
}

TEST(BinaryMode, EncodesWhatTheBindingSays) {
  const std::pair<const char*, const char*> table[] = {{"", ""},
                                                       {"abc/~!", "abc/~!"},
                                                       {" ", "%20"},
                                                       {"\"", "%22"},
                                                       {"%41", "%2541"},
                                                       {"é€", "%C3%A9%E2%82%AC"},
                                                       {"\U0001F600", "%F0%9F%98%80"},
                                                       {"a\r\nb", "a%0D%0Ab"},
                                                       {"\x7f", "%7F"},
                                                       {"\xff", "%EF%BF%BD"}};
  for (const auto& [text, encoded] : table) EXPECT_EQ(percent_encoded(text), encoded) << text;
}

TEST(Json, IsTheAlertAlone) {
  const auto message = make_message(Format::json, kAlert);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->content_type, "application/json");
  EXPECT_EQ(message->body, kAlert);
  EXPECT_TRUE(message->headers.empty());
  EXPECT_FALSE(make_message(Format::json, "{}"));
}

TEST(AlertmanagerV4, IsWhatAlertmanagerSends) {
  const auto message = make_message(Format::alertmanager_v4, kAlert);
  ASSERT_TRUE(message);
  const codedriftd::Json body = codedriftd::Json::parse(message->body);
  EXPECT_EQ(body["version"], "4");
  EXPECT_EQ(body["status"], "firing");
  EXPECT_EQ(body["alerts"][0]["labels"]["alertname"], "CodeDrift");
}

class RequestTest : public testing::Test {
 protected:
  HttpRequest request(const std::string& more, WallTime now = {}) {
    auto options = read_options(R"({"url":"https://hooks.example.com/x","timeout_s":20)" + more + "}");
    EXPECT_TRUE(options) << options.error().message;
    auto made = Webhook(std::move(*options)).make_request({kExampleId, kAlert}, 0, now);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
};

TEST_F(RequestTest, CarriesTheHeadersOfBothSpecifications) {
  const std::string secret = R"(,"secret":")" + std::string(kExampleSecret) + "\"";
  const HttpRequest made = request(secret, WallTime{Millis{kExampleTimestamp * 1000 + 999}});
  EXPECT_EQ(made.method, "POST");
  EXPECT_EQ(made.url, "https://hooks.example.com/x");
  EXPECT_EQ(made.body, make_message(Format::cloudevents, kAlert)->body);
  EXPECT_EQ(made.deadline, Millis{20'000});
  const std::map<std::string, std::string> expected = {
      {"Content-Type", "application/cloudevents+json"},
      {"User-Agent", "codedriftd/" CODEDRIFTD_VERSION},
      {"webhook-id", kExampleId},
      {"webhook-timestamp", "1614265330"},
      {"webhook-signature", signature(*decode_keys(kExampleSecret), kExampleId, kExampleTimestamp, made.body)}};
  EXPECT_EQ(by_name(made.headers), expected);
}

TEST_F(RequestTest, IsNotSignedWithoutASecret) {
  EXPECT_FALSE(by_name(request("").headers).contains("webhook-signature"));
}

TEST_F(RequestTest, CarriesWhatElseIsConfigured) {
  const test::TempDir folder;
  test::TestCa ca(folder.path().string());
  const test::TlsFiles client = ca.client();
  const std::string &certificate = client.certificate, &key = client.key;
  const HttpRequest made = request(R"(,"headers":["X-Team: payments","X-Empty:"],"authorization":"Bearer fake-token-1")"
                                   R"(,"format":"json","client_cert_file":")" +
                                   certificate + R"(","client_key_file":")" + key + "\"");
  auto headers = by_name(made.headers);
  EXPECT_EQ(headers["X-Team"], "payments");
  EXPECT_EQ(headers["X-Empty"], "");
  EXPECT_EQ(headers["Authorization"], "Bearer fake-token-1");
  EXPECT_EQ(headers["Content-Type"], "application/json");
  EXPECT_EQ(made.client_cert_file, certificate);
  EXPECT_EQ(made.client_key_file, key);
}

TEST_F(RequestTest, RefusesAnIdThatCannotBeSigned) {
  auto options = read_options(R"({"url":"https://hooks.example.com/x"})");
  ASSERT_TRUE(options);
  EXPECT_FALSE(Webhook(std::move(*options)).make_request({"a.b", kAlert}, 0, {}));
}

TEST(Headers, ThatBreakLinesOrAreNoneOrBelongToThePluginAreRefused) {
  struct Case {
    std::string line;
    const char* why;
  };
  const Case cases[] = {{"", "Name: value"},
                        {"X-Team", "Name: value"},
                        {": x", "Name: value"},
                        {"X Team: x", "Name: value"},
                        {"X-Té: x", "Name: value"},
                        {"X-A: b\r\nX-C: d", "line break"},
                        {"X-A: b\rc", "line break"},
                        {"X-A: b\nc", "line break"},
                        {std::string("X-A: b\0c", 8), "NUL"},
                        {"X-A\r\nB: c", "Name: value"},
                        {"content-type: text/plain", "itself"},
                        {"User-Agent: me", "itself"},
                        {"Webhook-Id: 1", "itself"},
                        {"webhook-signature: v1,fake", "itself"},
                        {"CE-Type: x", "itself"},
                        {"Host: example.com", "connection"},
                        {"Content-Length: 0", "connection"},
                        {"Transfer-Encoding: chunked", "connection"},
                        {"Authorization: Bearer fake", "authorization_file"},
                        {"Cookie: fake", "secret"}};
  for (const Case& c : cases) {
    const auto header = http_sink::read_header(c.line);
    ASSERT_FALSE(header) << c.line;
    EXPECT_NE(header.error().message.find(c.why), std::string::npos) << c.line << ": " << header.error().message;
  }
  const auto good = http_sink::read_header("X-Team:\t payments, core ");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->name, "X-Team");
  EXPECT_EQ(good->value, "payments, core");
  EXPECT_FALSE(read_options(R"({"url":"https://example.com","headers":["X-A: b\r\nX-C: d"]})"));
}

TEST(ReadHeader, AFileMayHoldSecretsAndNeverRepeatsThem) {
  const test::TempDir dir;
  const std::string file =
      dir.write("headers", "X-Scope-OrgID: fake-tenant-1\r\n\n Authorization: Bearer fake-token-1\n");
  EXPECT_FALSE(http_sink::read_header_file(file)) << "a name does not begin with a blank";
  dir.write("headers", "X-Scope-OrgID: fake-tenant-1\r\n\nAuthorization: Bearer fake-token-1\n");
  const auto headers = http_sink::read_header_file(file);
  ASSERT_TRUE(headers) << headers.error().message;
  ASSERT_EQ(headers->size(), 2U);
  EXPECT_EQ((*headers)[0].value, "fake-tenant-1");
  EXPECT_EQ((*headers)[1].name, "Authorization");
  dir.write("headers", "\xEF\xBB\xBFX-Key: fake-key-1\n");
  const auto marked = http_sink::read_header_file(file);
  ASSERT_TRUE(marked) << marked.error().message;
  EXPECT_EQ(marked->at(0).name, "X-Key") << "without the byte order mark";
  dir.write("headers", "X-Key: fake-key-1\nHost: fake-key-2\n");
  const auto wrong = http_sink::read_header_file(file);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("headers_file: Host: it belongs to the connection"), std::string::npos)
      << wrong.error().message;
  EXPECT_EQ(wrong.error().message.find("fake-key"), std::string::npos);
  EXPECT_FALSE(http_sink::read_header_file("headers")) << "relative to what?";
  EXPECT_FALSE(http_sink::read_header_file(dir / "none"));
}

TEST(ReadHeader, EveryHttpPluginSendsThemAndMasksThoseOfTheFile) {
  const test::TempDir dir;
  const std::string file = dir.write("headers", "X-Api-Key: fake-key-0001\n");
  auto options =
      read_options(R"({"url":"https://example.com","headers":["X-Team: payments"],"headers_file":")" + file + R"("})");
  ASSERT_TRUE(options) << options.error().message;
  const HttpRequest made = http_sink::basic_request(options->connection, "POST", "https://example.com", "text/plain");
  auto sent = by_name(made.headers);
  EXPECT_EQ(sent["X-Team"], "payments");
  EXPECT_EQ(sent["X-Api-Key"], "fake-key-0001");
  EXPECT_EQ(options->connection.mask.apply("unknown key fake-key-0001 of payments"), "unknown key *** of payments");
}

TEST(ReadOptions, RefusesUrlsThatMayNotBeCalledWithoutRepeatingThem) {
  for (const char* url : {"", "hooks.example.com", "ftp://example.com/fake-token", "http://example.com/fake-token",
                          "http://127.0.0.1.example.com/fake-token", "https://user:fake-token@example.com/",
                          "https://exa mple.com/fake-token", "https://example.com/fake-token\\r\\nX: y"}) {
    const auto options = read_options(R"({"timeout_s":15,"url":")" + std::string(url) + "\"}");
    ASSERT_FALSE(options) << url;
    EXPECT_TRUE(options.error().message.starts_with("url: ")) << options.error().message;
    EXPECT_EQ(options.error().message.find("fake-token"), std::string::npos) << options.error().message;
  }
  for (const char* url : {"https://example.com", "http://localhost:8080/a?b=c", "http://[::1]/x"}) {
    EXPECT_TRUE(read_options(R"({"timeout_s":15,"url":")" + std::string(url) + "\"}")) << url;
  }
}

TEST(ReadOptions, RefusesABadSecretAndAMissingCaFile) {
  EXPECT_FALSE(read_options(R"({"url":"https://example.com","secret":"fake"})"));
  EXPECT_FALSE(read_options(R"({"url":"https://example.com","ca_file":"/no/such.pem"})"));
  const test::TempDir folder;
  const std::string empty = folder.write("empty.pem", "");
  EXPECT_FALSE(read_options(R"({"url":"https://example.com","ca_file":")" + empty + "\"}"));
  EXPECT_FALSE(read_options("[]"));
  EXPECT_FALSE(read_options(R"({"url":"https://example.com","authorization":"Bearer a\nb"})"));
}

TEST(ReadOptions, WantsBothHalvesOfMutualTlsAndAKeyThatIsClosedToOthers) {
  const test::TempDir folder;
  using std::filesystem::perms;
  test::TestCa ca(folder.path().string());
  const test::TlsFiles client = ca.client(), other = ca.client("another");
  const std::string &certificate = client.certificate, &key = client.key;
  const std::string open_key = folder.write("o.pem", "fake", perms::owner_read | perms::others_read),
                    nonsense = folder.write("n.pem", "fake"), locked = folder / "locked.pem";
  ASSERT_EQ(
      test::run({.argv = {"openssl", "pkey", "-in", key, "-aes-128-cbc", "-passout", "pass:fake", "-out", locked}})
          .status,
      (test::ExitStatus{0, 0}));
  std::filesystem::permissions(locked, perms::owner_read | perms::owner_write);
  const auto options = [](const std::string& cert_file, const std::string& key_file) {
    codedriftd::Json config{{"url", "https://example.com"}};
    if (!cert_file.empty()) config["client_cert_file"] = cert_file;
    if (!key_file.empty()) config["client_key_file"] = key_file;
    const auto read = read_options(config.dump());
    return read ? std::string("good") : read.error().message;
  };
  EXPECT_EQ(options(certificate, key), "good");
  EXPECT_NE(options(certificate, "").find("go together"), std::string::npos);
  EXPECT_NE(options("", key).find("go together"), std::string::npos);
  EXPECT_NE(options("/no/such.pem", key).find("client_cert_file"), std::string::npos);
  EXPECT_NE(options(certificate, "/no/such.pem").find("client_key_file"), std::string::npos);
  EXPECT_NE(options(certificate, folder.path().string()).find("is a folder"), std::string::npos);
  EXPECT_NE(options(certificate, locked).find("encrypted with a passphrase"), std::string::npos)
      << options(certificate, locked);
  EXPECT_NE(options(certificate, nonsense).find("no private key in PEM"), std::string::npos);
  EXPECT_NE(options(nonsense, key).find("no certificate in PEM"), std::string::npos);
  EXPECT_NE(options(certificate, other.key).find("is not the key of"), std::string::npos);
  EXPECT_NE(options(certificate, open_key).find("0404"), std::string::npos) << options(certificate, open_key);
}

}  // namespace
}  // namespace codedriftd::webhook
