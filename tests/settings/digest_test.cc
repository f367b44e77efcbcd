#include "settings/digest.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "settings/load.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

/// Everything once; `@` is where a key can be added.
constexpr std::string_view kWhole = R"([daemon]
instance = "ops-1"
link = "https://wiki/{function}"
#daemon
[log]
origin = "a"
[http]
listen = "127.0.0.1:1"
[store]
url = "postgresql:///run/postgresql/codedriftd"
fleet = "prod"
#store
[control]
approve = ["alice"]
[defaults]
interval = "2m"
#defaults
[packages]
keep = "manifest"
#packages
[account.prod]
endpoint = "https://scf.example.com"
#account
[account.prod.credentials]
source = "files"
secret_id_file = "/id"
secret_key_file = "/key"
[account.prod.discovery]
every = "20m"
#discovery
[account.prod.audit]
enabled = true
#audit
[trust.ci]
public_key_file = "@KEY@"
targets = ["prod/*"]
#trust
[[function]]
name = "a"
account = "prod"
region = "r"
#function
[[watch]]
account = "prod"
regions = ["r"]
names = ["x-*"]
#watch
[[watch]]
account = "prod"
regions = ["r"]
#watch2
[[alert]]
name = "ops"
plugin = "webhook"
#alert
[alert.options]
url = "https://hooks.example.com"
secret_file = "/secret"
#options
[[alert]]
name = "b"
plugin = "webhook"
)";

class WorkDigest : public testing::Test {
 protected:
  std::string whole() const { return replaced(std::string(kWhole), "@KEY@", key); }
  static std::string replaced(std::string text, std::string_view what, std::string_view by) {
    const std::size_t at = text.find(what);
    EXPECT_NE(at, text.npos) << what;
    if (at != text.npos) text.replace(at, what.size(), by);
    return text;
  }
  static std::string digest_of(const std::string& text) {
    auto loaded = load_settings_text("t.toml", text);
    if (!loaded) {
      ADD_FAILURE() << format_mistakes(loaded.error());
      return {};
    }
    return work_digest(*loaded);
  }

  const TempDir dir;
  const std::string key = dir.write("ci.pub", "a public key");
};

TEST_F(WorkDigest, IsTheSameForWhatSaysTheSame) {
  const std::string digest = digest_of(whole());
  EXPECT_EQ(digest.size(), 64U);
  EXPECT_EQ(digest_of("# a comment\n\n" + whole()), digest);
  EXPECT_EQ(digest_of(replaced(whole(), "name = \"a\"\naccount = \"prod\"\n", "account = \"prod\"\nname = 'a' # x\n")),
            digest)
      << "in another order";
  const std::string alert = "[[alert]]\nname = \"b\"\nplugin = \"webhook\"\n";
  EXPECT_EQ(digest_of(alert + replaced(whole(), alert, "")), digest) << "it has a name";
  EXPECT_EQ(digest_of(replaced(whole(), "#function", "interval = \"2m\"\nstale_after = \"6m\"")), digest)
      << "what it is by default";
  EXPECT_EQ(digest_of(replaced(whole(), "#alert", "reminder = \"1d\"")), digest);
  EXPECT_EQ(short_digest(digest), digest.substr(0, 12));
}

TEST_F(WorkDigest, LeavesOutWhatIsTheHostsOwn) {
  const std::string digest = digest_of(whole());
  const std::pair<std::string, std::string> own[] = {
      {"instance = \"ops-1\"", "instance = \"ops-2\""},
      {"#daemon", "state_dir = \"/s\"\nruntime_dir = \"/r\"\nplugin_dir = \"/p\"\nlog_format = \"json\""},
      {"#daemon", "disk_floor = \"1GiB\"\nallow_empty = true\ninclude = [\"/nowhere/*.toml\"]"},
      {"origin = \"a\"", "origin = \"b\""},
      {"127.0.0.1:1", "127.0.0.1:2"},
      {"url = \"postgresql:///run/postgresql/codedriftd\"", "url = \"postgresql:///tmp/other\""},
      {"#store", "user = \"somebody\"\npassword_file = \"db.password\""},
      {"[\"alice\"]", "[\"bob\"]"},
      {"\"/id\"", "\"scf.id\""},
      {"\"/key\"", "\"scf.key\""},
      {"#account", "ca_file = \"/ca.pem\""},
      {"\"/secret\"", "\"webhook.secret\""}};
  for (const auto& [what, by] : own) EXPECT_EQ(digest_of(replaced(whole(), what, by)), digest) << by;
  const std::string moved = dir.write("moved.pub", "a public key");
  EXPECT_EQ(digest_of(replaced(whole(), key, moved)), digest);
}

TEST_F(WorkDigest, SaysWhichAccountsShareAPaceAndNotByWhat) {
  const auto digest = [&](const char* of_x, const char* of_y) {
    const auto account = [](const char* name, const char* file) {
      return fmt::format(
          "[account.{0}]\n[account.{0}.credentials]\nsource = \"files\"\nsecret_id_file = \"{1}\"\n"
          "secret_key_file = \"{1}\"\n",
          name, file);
    };
    return digest_of(whole() + account("x", of_x) + account("y", of_y));
  };
  EXPECT_EQ(digest("/one", "/one"), digest("/other", "/other"));
  EXPECT_EQ(digest("/one", "/two"), digest("/other", "/another"));
  EXPECT_NE(digest("/one", "/one"), digest("/one", "/two")) << "their lanes are others";
}

TEST_F(WorkDigest, IsAnotherForEachKeyThatDecides) {
  const std::pair<std::string, std::string> deciding[] = {
      {"wiki", "wiki2"},
      {"interval = \"2m\"", "interval = \"3m\""},
      {"#defaults", "deploy_grace = \"8m\""},
      {"\"manifest\"", "\"off\""},
      {"#packages", "max_package = \"1MiB\""},
      {"#packages", "max_unpacked = \"1MiB\""},
      {"#packages", "max_files = 7"},
      {"#packages", "max_total = \"1GiB\""},
      {"#packages", "hosts = [\"a.example.com\"]"},
      {"#packages", "explain_within = \"3s\""},
      {"#packages", "examine_within = \"3s\""},
      {"scf.example.com", "scf2.example.com"},
      {"#account", "requests_per_second = 3.5"},
      {"#account", "timeout = \"3s\""},
      {"#account", "previous = \"older\""},
      {"source = \"files\"\nsecret_id_file = \"/id\"\nsecret_key_file = \"/key\"", "source = \"env\""},
      {"source = \"files\"\nsecret_id_file = \"/id\"\nsecret_key_file = \"/key\"", "profile = \"audit\""},
      {"source = \"files\"\nsecret_id_file = \"/id\"\nsecret_key_file = \"/key\"", "role = \"audit\""},
      {"\"20m\"", "\"21m\""},
      {"#discovery", "changes_every = \"33s\""},
      {"#discovery", "report_unmanaged = false"},
      {"[account.prod.audit]\nenabled = true", "[account.prod.audit]\nenabled = false"},
      {"#audit", "endpoint = \"https://audit.example.com\""},
      {"#audit", "deploy_principals = [\"ci\"]"},
      {"[trust.ci]", "[trust.cd]"},
      {"[\"prod/*\"]", "[\"prod/r/*\"]"},
      {"#trust", "builder = \"https://b\""},
      {"#trust", "source = \"git+https://s\""},
      {"name = \"a\"", "name = \"c\""},
      {"name = \"a\"", "names = [\"a\", \"c\"]"},
      {"#function", "namespace = \"n\""},
      {"#function", "qualifier = \"3\""},
      {"#function", "sha256 = \"5077F5203547b225b532434dd6fcf7c9897025d7581a9f3d474a7afee88bc696\""},
      {"#function", "content = \"h1:UHf1IDVHsiW1MkNN1vz3yYlwJdd1gan9R0p6/uiLxpY=\""},
      {"#function", "interval = \"9m\""},
      {"#function", "stale_after = \"99m\""},
      {"#function", "deploy_grace = \"9m\""},
      {"#function", "baseline = \"review\""},
      {"#function", "same_content = \"tell\""},
      {"#function", "ignore = [\"x\"]"},
      {"#function", "require = \"attested\""},
      {"#function", "touched = \"alert\""},
      {"[\"x-*\"]", "[\"y-*\"]"},
      {"#watch", "namespaces = [\"n\"]"},
      {"#watch", "except = [\"x-dev\"]"},
      {"#watch", "tags = {team = \"pay\"}"},
      {"#watch", "versions = 3"},
      {"#watch", "versions = 3\nversions_interval = \"2d\""},
      {"#watch", "aliases = true"},
      {"#watch", "layers = true"},
      {"#watch", "max_targets = 7"},
      {"#watch", "interval = \"9m\""},
      {"#watch2", "except = [\"z\"]"},
      {"names = [\"x-*\"]\n#watch\n[[watch]]\naccount = \"prod\"\nregions = [\"r\"]\n",
       "[[watch]]\naccount = \"prod\"\nregions = [\"r\"]\nnames = [\"x-*\"]\n"},  // the first one wins
      {"[[alert]]\nname = \"b\"", "[[alert]]\nname = \"c\""},
      {"plugin = \"webhook\"", "plugin = \"slack\""},
      {"#alert", "kinds = [\"drift.*\"]"},
      {"#alert", "targets = [\"prod/*\"]"},
      {"#alert", "fallback = \"b\""},
      {"#alert", "give_up_after = \"1h\""},
      {"#alert", "reminder = \"1h\""},
      {"#alert", "heartbeat = \"1h\""},
      {"hooks.example.com", "hooks2.example.com"},
      {"secret_file = \"/secret\"\n", ""},
      {"#options", "headers = [\"x\"]"},
      {"#options", "retries = 3"},
      {"#options", "loud = true"}};
  std::map<std::string, std::string> seen{{digest_of(whole()), "nothing"}};
  for (const auto& [what, by] : deciding) {
    const auto [other, fresh] = seen.emplace(digest_of(replaced(whole(), what, by)), by);
    EXPECT_TRUE(fresh) << by << "\nis as\n" << other->second;
  }
  dir.write("ci.pub", "another public key");
  EXPECT_FALSE(seen.contains(digest_of(whole()))) << "whose attestations are believed";
}

}  // namespace
}  // namespace codedriftd::test
