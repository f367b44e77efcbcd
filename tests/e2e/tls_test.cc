/// TLS on both ways, and the certificates that are refused.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "e2e/daemon.h"
#include "support/test_ca.h"

namespace codedriftd::test {
namespace {

DaemonOptions with_tls(const TlsFiles& files) {
  DaemonOptions options;
  options.cloud.tls = files;
  options.receiver.tls = files;
  return options;
}

TEST(Tls, CloudAndReceiverAreReachedWithTheGivenAuthority) {
  const TempDir folder;
  TestCa ca(folder.path().string());
  Daemon daemon(with_tls(ca.server()));
  const std::string trust = fmt::format("ca_file = \"{}\"", ca.certificate_file());
  daemon.config.account = trust;
  daemon.config.alerts = webhook_alert("ops", daemon.receiver().url(), daemon.secret_file(), "", trust);
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  daemon.deploy("charge", "hurried");
  EXPECT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
}

TEST(Tls, ExpiredMisnamedAndStrangeCertificatesAreRefusedAndNothingIsSent) {
  const TempDir folder;
  TestCa ca(folder.path().string());
  TestCa stranger(folder.path().string(), "stranger");
  const std::string trust = fmt::format("ca_file = \"{}\"", ca.certificate_file());
  const std::pair<const char*, TlsFiles> wrong[] = {
      {"expired", ca.expired_server()}, {"misnamed", ca.wrong_name_server()}, {"strange", stranger.server()}};
  Daemon daemon(with_tls(ca.server()));
  daemon.config.account = trust;
  daemon.config.alerts = webhook_alert("ops", daemon.receiver().url(), daemon.secret_file(), "", trust);
  std::map<std::string, std::unique_ptr<SimulatedScf>> clouds;
  std::map<std::string, std::unique_ptr<Receiver>> receivers;
  for (const auto& [name, files] : wrong) {
    ScfOptions cloud;
    cloud.tls = files;
    clouds[name] = std::make_unique<SimulatedScf>(cloud);
    clouds[name]->set(Daemon::key("charge"), hash_of("reviewed"));
    receivers[name] = std::make_unique<Receiver>(ReceiverOptions{0, files});
    daemon.config.more += fmt::format(
        "[account.{0}]\nendpoint = \"{1}\"\n{2}\n[account.{0}.credentials]\nsource = \"env\"\n[[function]]\nname = "
        "\"charge\"\naccount = \"{0}\"\n",
        name, clouds[name]->endpoint(), trust);
    daemon.config.alerts += webhook_alert(name, receivers[name]->url(), daemon.secret_file(), "", trust);
  }
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  for (const auto& [name, files] : wrong) {
    const auto row = [&, account = std::string(name)] { return daemon.rows({"status", "--account", account}).at(0); };
    ASSERT_TRUE(eventually([&] { return row().at("consecutive_failures") > 0; })) << name;
    EXPECT_EQ(row().at("last_error").at("code"), "Client.Tls") << name;
    EXPECT_EQ(row().at("status"), "unobserved") << name;
    EXPECT_EQ(clouds[name]->statistics().requests, 0U) << name;
    // The alert waits for somebody to mend the certificate.
    const auto alert = [&, destination = std::string(name)] {
      for (const Json& found : daemon.rows({"alerts"})) {
        if (found.at("alert") == destination) return found;
      }
      return Json();
    };
    ASSERT_TRUE(eventually([&] { return alert().is_object() && !alert().at("last_error").is_null(); })) << name;
    EXPECT_NE(alert().at("last_error").get<std::string>().find("tls"), std::string::npos) << alert().dump();
    EXPECT_NE(alert().at("state"), "delivered") << name;
    EXPECT_EQ(receivers[name]->count(), 0U) << name;
  }
}

}  // namespace
}  // namespace codedriftd::test
