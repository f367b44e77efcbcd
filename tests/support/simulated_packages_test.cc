#include "support/simulated_packages.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/sha256.h"
#include "support/scf_client.h"
#include "support/simulated_scf.h"
#include "support/zip_writer.h"

namespace codedriftd::test {
namespace {

/// GET of a link of this server, over a connection of its own. `at_most` ends what would last for ever.
RawReply get_link(const SimulatedScf& scf, const std::string& link, Millis at_most = Millis{5000}) {
  const std::string path = link.substr(scf.endpoint().size());
  return raw_exchange(scf.port(), fmt::format("GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path),
                      at_most);
}
std::string body_of_reply(const RawReply& reply) {
  const std::size_t head = reply.bytes.find("\r\n\r\n");
  return head == std::string::npos ? "" : reply.bytes.substr(head + 4);
}
int status_of_reply(const RawReply& reply) { return reply.bytes.size() < 12 ? 0 : std::stoi(reply.bytes.substr(9, 3)); }

TEST(SimulatedPackages, TheAnswersLinkLeadsToTheStoredPackageWhoseHashTheAnswerNames) {
  SimulatedScf scf;
  scf.deploy(kChargeKey, {{"index.py", "print(1)\n"}, {"scf_bootstrap", "#!/bin/sh\n"}}, {{"scf_bootstrap", 0755}});
  ScfClientRequest request{.body = kChargeBody};
  Headers headers = signed_headers(request, "127.0.0.1:" + std::to_string(scf.port()));
  headers.emplace_back("Connection", "close");
  const Json answer = Json::parse(body_of_reply(raw_exchange(scf.port(), http_post(headers, kChargeBody))));
  const std::string link = answer.at("Response").at("Url");
  EXPECT_TRUE(link.starts_with(scf.endpoint() + "/1253970226/ap-guangzhou/default/charge/charge_LATEST.zip?")) << link;
  EXPECT_NE(link.find(fmt::format("&q-signature={}-", kUrlSecret)), std::string::npos) << link;
  const std::string package = body_of_reply(get_link(scf, link));
  EXPECT_TRUE(package.starts_with("PK\3\4"));
  EXPECT_EQ(package, scf.package(kChargeKey));
  EXPECT_EQ(sha256(package).hex(), scf.code_sha256(kChargeKey));
  EXPECT_EQ(answer.at("Response").at("CodeSha256"), scf.code_sha256(kChargeKey));
  EXPECT_EQ(scf.statistics().packages.sent, 1U);
  EXPECT_EQ(scf.statistics().packages.by_target.at(kChargeKey), 1U);
  EXPECT_EQ(scf.statistics().packages.most_at_once, 1U);
  EXPECT_EQ(scf.statistics().requests, 1U) << "downloads are counted apart";
}

TEST(SimulatedPackages, PacksTheSameFilesIntoAnotherZipEachTime) {
  SimulatedScf scf;
  const std::map<std::string, std::string> files{{"index.py", "print(1)\n"}};
  std::set<std::string> hashes;
  scf.deploy(kChargeKey, files);
  hashes.insert(scf.code_sha256(kChargeKey));
  hashes.insert(sha256(zip_of({{"index.py", "print(1)\n"}})).hex());
  scf.deploy(kChargeKey, files);
  hashes.insert(scf.code_sha256(kChargeKey));
  scf.repack(kChargeKey);
  hashes.insert(scf.code_sha256(kChargeKey));
  EXPECT_EQ(hashes.size(), 4U);
  EXPECT_EQ(sha256(body_of_reply(get_link(scf, scf.sign_link(kChargeKey).value()))).hex(), scf.code_sha256(kChargeKey));
  scf.deploy_zip(kChargeKey, "not a zip");
  EXPECT_EQ(scf.code_sha256(kChargeKey), sha256("not a zip").hex());
  EXPECT_THROW(scf.repack(kChargeKey), std::out_of_range);
}

TEST(SimulatedPackages, ALinkLeadsToWhatWasDeployedLastUntilItExpires) {
  SimulatedScf scf;
  scf.deploy(kChargeKey, {{"index.py", "old"}});
  const std::string link = scf.sign_link(kChargeKey).value();
  scf.deploy(kChargeKey, {{"index.py", "new"}});
  EXPECT_EQ(body_of_reply(get_link(scf, link)), scf.package(kChargeKey));
  scf.set_clock_offset(std::chrono::seconds(10'000));
  EXPECT_EQ(status_of_reply(get_link(scf, link)), 200);
  scf.set_clock_offset(std::chrono::seconds(10'070));
  EXPECT_EQ(status_of_reply(get_link(scf, link)), 403);
  scf.set_link_lifetime(std::chrono::seconds(5));
  const std::string brief = scf.sign_link(kChargeKey).value();
  EXPECT_EQ(status_of_reply(get_link(scf, brief)), 200);
  scf.set_clock_offset(std::chrono::seconds(10'080));
  EXPECT_EQ(status_of_reply(get_link(scf, brief)), 403);
  EXPECT_EQ(scf.statistics().packages.refused, 2U);
}

TEST(SimulatedPackages, RefusesLinksThatItDidNotSign) {
  SimulatedScf scf;
  scf.deploy(kChargeKey, {{"index.py", "x"}});
  scf.deploy("ap-guangzhou/default/refund:$LATEST", {{"index.py", "y"}});
  const std::string link = scf.sign_link(kChargeKey).value();
  std::string other = link;
  for (std::size_t at; (at = other.find("charge")) != std::string::npos;) other.replace(at, 6, "refund");
  std::string later = link;
  later.replace(later.find("q-key-time=") + 11, 1, "2");
  for (const std::string& bad : {other, later, link.substr(0, link.size() - 1), link.substr(0, link.find('?'))})
    EXPECT_EQ(status_of_reply(get_link(scf, bad)), 403) << bad;
  scf.set(kChargeKey, std::string(64, 'a'));
  EXPECT_EQ(status_of_reply(get_link(scf, link)), 404) << "it has no package any more";
  EXPECT_EQ(scf.sign_link(kChargeKey), std::nullopt);
}

TEST(SimulatedPackages, PlaysEachFaultAsOftenAsTold) {
  SimulatedScf scf;
  scf.deploy(kChargeKey, {{"index.py", std::string(1000, 'x')}});
  const struct {
    PackageFault fault;
    int status;
    Millis at_most{5000};
  } cases[] = {{PackageFault::slow, 200, Millis{150}},
               {PackageFault::endless, 200, Millis{150}},
               {PackageFault::silent, 0, Millis{150}},
               {PackageFault::truncated, 200},
               {PackageFault::huge_length, 200, Millis{150}},
               {PackageFault::wrong_bytes, 200},
               {PackageFault::redirect, 302},
               {PackageFault::refused, 403},
               {PackageFault::failing, 503}};
  for (const auto& c : cases) {
    scf.set_package_fault("*", c.fault, 1);
    const RawReply reply = get_link(scf, scf.sign_link(kChargeKey).value(), c.at_most);
    EXPECT_EQ(status_of_reply(reply), c.status) << static_cast<int>(c.fault);
    if (c.fault != PackageFault::huge_length) {  // it announces more than there is
      EXPECT_NE(body_of_reply(reply), scf.package(kChargeKey)) << static_cast<int>(c.fault);
    }
    EXPECT_EQ(body_of_reply(get_link(scf, scf.sign_link(kChargeKey).value())), scf.package(kChargeKey));
  }
  EXPECT_EQ(scf.statistics().packages.sent, std::size(cases));
  scf.set_package_fault(kChargeKey, PackageFault::other_host);
  EXPECT_TRUE(scf.sign_link(kChargeKey)->starts_with("https://packages.evil.example/"));
  scf.set_package_fault(kChargeKey, PackageFault::plain_http);
  EXPECT_TRUE(scf.sign_link(kChargeKey)->starts_with("http://lambdacode-"));
  scf.set_package_fault(kChargeKey, PackageFault::no_link);
  EXPECT_EQ(scf.sign_link(kChargeKey), "");
  scf.clear();
  EXPECT_TRUE(scf.sign_link(kChargeKey)->starts_with(scf.endpoint()));
}

TEST(SimulatedPackages, AreDeployedThroughTheControlPort) {
  SimulatedScf scf({.control_port = 0});
  const auto control = [&](const std::string& action, const std::string& members) {
    const std::string body = fmt::format(R"({{"target":"{}"{}}})", kChargeKey, members);
    return raw_exchange(scf.control_port(),
                        http_post({{"Host", "c"}, {"Connection", "close"}}, body, "/_control/" + action));
  };
  const RawReply deployed =
      control("deploy", R"(,"files":{"index.py":"x","scf_bootstrap":"y"},"modes":{"scf_bootstrap":"755"})");
  const std::string first = scf.code_sha256(kChargeKey);
  EXPECT_NE(deployed.bytes.find(first), std::string::npos) << deployed.bytes;
  EXPECT_NE(scf.package(kChargeKey).find(little_endian(uint64_t{0100755} << 16, 4)), std::string::npos);
  EXPECT_EQ(status_of_reply(control("repack", "")), 200);
  EXPECT_NE(scf.code_sha256(kChargeKey), first);
  EXPECT_EQ(status_of_reply(control("package_fault", R"(,"fault":"refused","times":1)")), 200);
  EXPECT_EQ(status_of_reply(get_link(scf, scf.sign_link(kChargeKey).value())), 403);
  EXPECT_EQ(status_of_reply(control("link_lifetime", R"(,"seconds":-10)")), 200);
  EXPECT_EQ(status_of_reply(get_link(scf, scf.sign_link(kChargeKey).value())), 403);
  EXPECT_EQ(status_of_reply(control("deploy_zip", R"(,"zip":"UEs=")")), 200);
  EXPECT_EQ(scf.package(kChargeKey), "PK");
  EXPECT_NE(control("statistics", "").bytes.find(R"("packages":{)"), std::string::npos);
  EXPECT_EQ(status_of_reply(control("package_fault", R"(,"fault":"typo")")), 400);
  EXPECT_EQ(status_of_reply(control("deploy_zip", R"(,"zip":"?")")), 400);
  EXPECT_EQ(status_of_reply(control("repack", "")), 400) << "there are no files to pack";
}

}  // namespace
}  // namespace codedriftd::test
