#include "support/tc3_check.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/json.h"
#include "support/program.h"
#include "support/scf_client.h"

namespace codedriftd::test {
namespace {

constexpr int64_t kNow = 1787297400;  // 2026-08-21T05:30:00Z

/// As the server sees it.
HttpRequest received(const Headers& headers, const std::string& body) {
  HttpRequest request;
  const std::string bytes = http_post(headers, body);
  EXPECT_TRUE(parse_head(std::string_view(bytes).substr(0, bytes.find("\r\n\r\n") + 4), request));
  request.body = body;
  return request;
}

// Signed by the official SDKs' own code, with fake keys. Two of them took the service from the host ("127"): not for
// us.
TEST(Tc3Check, AcceptsWhatTheOfficialSdksSigned) {
  const Json vectors = Json::parse(read_file(CODEDRIFTD_SOURCE_DIR "/tests/cloud/data/tc3-hmac-sha256.json"));
  int accepted = 0;
  for (const Json& vector : vectors.at("requests")) {
    const Json& inputs = vector.at("inputs");
    const std::string token = inputs.at("token").is_string() ? inputs.at("token").get<std::string>() : "";
    const ScfCredential known{inputs.at("secret_id"), inputs.at("secret_key"), token};
    Headers headers{{"Host", inputs.at("signed_host")}};
    for (const auto& [name, value] : vector.at("headers").items())
      if (name != "Host") headers.emplace_back(name, value);
    const auto refusal = Tc3Check()(received(headers, inputs.at("body")), {known}, inputs.at("timestamp"));
    EXPECT_EQ(refusal.has_value(), inputs.at("service") != "scf") << vector.at("name");
    if (!refusal) ++accepted;
  }
  EXPECT_EQ(accepted, 17);
}

TEST(Tc3Check, KeepsApartTheKeysOfTwoSecretsAndTwoDays) {
  const std::vector<ScfCredential> known{{"ID-A", "KEY-A", ""}, {"ID-B", "KEY-B", ""}};
  Tc3Check check;
  for (const int64_t now : {kNow, kNow + 86400, kNow}) {
    for (const ScfCredential& credential : known) {
      ScfClientRequest request{.body = "{}", .timestamp = now, .credential = credential};
      EXPECT_FALSE(check(received(signed_headers(request, "h:1"), "{}"), known, now));
    }
  }
}

struct Mistake {
  const char* what;
  const char* code;
  std::function<void(ScfClientRequest&)> before;  ///< spoils what is signed
  std::function<void(HttpRequest&)> after;        ///< spoils what arrives
};

void set(HttpRequest& request, const std::string& name, const std::string& value) {
  for (auto& header : request.headers)
    if (header.first == name) header.second = value;
}

void replace(HttpRequest& request, const std::string& from, const std::string& to) {
  std::string value(request.header("authorization"));
  const std::size_t at = value.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  set(request, "authorization", value.replace(at, from.size(), to));
}

TEST(Tc3Check, NamesEachMistake) {
  const auto nothing = [](auto&) {};
  const Mistake mistakes[] = {
      {"no Authorization", "AuthFailure.InvalidAuthorization", nothing,
       [](HttpRequest& r) { std::erase_if(r.headers, [](auto& h) { return h.first == "authorization"; }); }},
      {"another algorithm", "AuthFailure.InvalidAuthorization", nothing,
       [](HttpRequest& r) { replace(r, "TC3-HMAC-SHA256", "HmacSHA256"); }},
      {"no space after the comma", "AuthFailure.InvalidAuthorization", nothing,
       [](HttpRequest& r) { replace(r, ", Signature", ",Signature"); }},
      {"an upper-case signature", "AuthFailure.InvalidAuthorization", nothing,
       [](HttpRequest& r) { replace(r, "Signature=", "Signature=A"); }},
      {"a header signed that may not be", "AuthFailure.InvalidAuthorization", nothing,
       [](HttpRequest& r) { replace(r, "content-type;host", "content-type;host;x-tc-region"); }},
      {"two Host headers", "AuthFailure.InvalidAuthorization", nothing,
       [](HttpRequest& r) { r.headers.emplace_back("host", "h:1"); }},
      {"an unknown id", "AuthFailure.SecretIdNotFound", [](ScfClientRequest& r) { r.credential.secret_id = "OTHER"; },
       nothing},
      {"a wrong key", "AuthFailure.SignatureFailure", [](ScfClientRequest& r) { r.credential.secret_key = "OTHER"; },
       nothing},
      {"a service taken from the host", "AuthFailure.SignatureFailure", [](ScfClientRequest& r) { r.service = "127"; },
       nothing},
      {"yesterday's scope", "AuthFailure.SignatureFailure", [](ScfClientRequest& r) { r.date = "2026-08-20"; },
       nothing},
      {"another body", "AuthFailure.SignatureFailure", nothing, [](HttpRequest& r) { r.body += " "; }},
      {"another host", "AuthFailure.SignatureFailure", nothing, [](HttpRequest& r) { set(r, "host", "h:2"); }},
      {"another content type", "AuthFailure.SignatureFailure", nothing,
       [](HttpRequest& r) { set(r, "content-type", "application/json; charset=utf-8"); }},
      {"another timestamp", "AuthFailure.SignatureFailure", nothing,
       [](HttpRequest& r) { set(r, "x-tc-timestamp", std::to_string(kNow + 1)); }},
      {"too old", "AuthFailure.SignatureExpire", [](ScfClientRequest& r) { r.timestamp = kNow - 301; }, nothing},
      {"too far ahead", "AuthFailure.SignatureExpire", [](ScfClientRequest& r) { r.timestamp = kNow + 301; }, nothing},
      {"no timestamp", "MissingParameter", nothing,
       [](HttpRequest& r) { std::erase_if(r.headers, [](auto& h) { return h.first == "x-tc-timestamp"; }); }},
      {"a timestamp that is no number", "InvalidParameterValue", nothing,
       [](HttpRequest& r) { set(r, "x-tc-timestamp", "12x"); }},
      {"a token nobody gave", "AuthFailure.TokenFailure", [](ScfClientRequest& r) { r.credential.token = "T"; },
       nothing},
  };
  for (const Mistake& mistake : mistakes) {
    ScfClientRequest request{.body = "{}", .timestamp = kNow};
    mistake.before(request);
    HttpRequest arrived = received(signed_headers(request, "h:1"), request.body);
    mistake.after(arrived);
    const auto refusal = Tc3Check()(arrived, {kFakeCredential}, kNow);
    ASSERT_TRUE(refusal) << mistake.what;
    EXPECT_EQ(refusal->code, mistake.code) << mistake.what;
  }
}

TEST(Tc3Check, AcceptsUpToFiveMinutesEitherWay) {
  for (const int64_t skew : {-300, 0, 300}) {
    ScfClientRequest request{.body = "{}", .timestamp = kNow + skew};
    EXPECT_FALSE(Tc3Check()(received(signed_headers(request, "h:1"), "{}"), {kFakeCredential}, kNow)) << skew;
  }
}

TEST(Tc3Check, WantsTheTokenOfTemporaryKeys) {
  ScfCredential temporary = kFakeCredential;
  temporary.token = "FAKE-TOKEN";
  ScfClientRequest request{.body = "{}", .timestamp = kNow, .credential = temporary};
  EXPECT_FALSE(Tc3Check()(received(signed_headers(request, "h:1"), "{}"), {temporary}, kNow));
  request.credential.token = "";
  EXPECT_EQ(Tc3Check()(received(signed_headers(request, "h:1"), "{}"), {temporary}, kNow)->code,
            "AuthFailure.TokenFailure");
}

}  // namespace
}  // namespace codedriftd::test
