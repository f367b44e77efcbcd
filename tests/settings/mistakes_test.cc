// Every mistake a file can hold: where it is told, and in what words.
#include <gtest/gtest.h>

#include <algorithm>

#include "settings/load.h"

namespace codedriftd {
namespace {

std::string mistakes_of(const std::string& text) {
  const auto loaded = load_settings_text("f", text);
  return loaded ? "none" : format_mistakes(loaded.error());
}

struct Case {
  std::string text;
  std::string expected;  ///< the beginning of the only mistake
};

void expect_each(const std::vector<Case>& cases, const std::string& before = "", const std::string& after = "") {
  for (const Case& c : cases) {
    const std::string mistakes = mistakes_of(before + c.text + after);
    EXPECT_TRUE(mistakes.starts_with(c.expected)) << c.text << "\n" << mistakes;
    EXPECT_EQ(std::count(mistakes.begin(), mistakes.end(), '\n'), 1) << c.text << "\n" << mistakes;
  }
}

TEST(Mistakes, AreAllToldAtOnceInOrder) {
  EXPECT_EQ(mistakes_of("[daemon]\n"
                        "instance = \"a b\"\n"
                        "stat_dir = \"/x\"\n"
                        "[defaults]\n"
                        "account = \"prod\"\n"
                        "region = \"ap-guangzhou\"\n"
                        "intervall = \"5m\"\n"
                        "[account.prod]\n"
                        "timeout = 10\n"
                        "[[function]]\n"
                        "name = \"charge\"\n"
                        "interval = \"5 minutes\"\n"),
            "f:2:12: 'instance' is \"a b\": it must be 1 to 64 letters, digits, '.', '_' and '-'\n"
            "f:3:1: unknown key 'stat_dir'; did you mean 'state_dir'?\n"
            "f:7:1: unknown key 'intervall'; did you mean 'interval'?\n"
            "f:9:11: 'timeout' is an integer; it must be a duration in quotes, such as \"5m\"\n"
            "f:12:12: 'interval' is \"5 minutes\": it must be whole numbers and units of ms, s, m, h, d, w, such as "
            "\"5m\"\n");
}

TEST(Mistakes, NameTheKeyThatWasMeant) {
  expect_each({
      {"[deamon]\n", "f:1:2: unknown key 'deamon'; did you mean 'daemon'?"},
      {"interval = \"5m\"\n",
       "f:1:1: unknown key 'interval' here; it belongs in [defaults] or [[function]] or [[watch]]"},
      {"[http]\norigin = \"x\"\n", "f:2:1: unknown key 'origin' here; it belongs in [log]"},
      {"[log]\nfunction = \"x\"\n", "f:2:1: unknown key 'function' here; it belongs in the top of the file"},
      {"[metrics]\n",
       "f:1:2: unknown key 'metrics'; a file knows daemon, store, log, http, control, packages, defaults, "
       "account, function, watch, alert, trust"},
      {"[http]\nfoo = 1\n",
       "f:2:1: unknown key 'foo'; [http] knows listen, token_file, "
       "tls_certificate, tls_key"},
      {"[[alert]]\nname = \"a\"\nplugin = \"p\"\nsilence = \"1h\"\n",
       "f:4:1: unknown key 'silence'; [[alert]] knows name, plugin,"},
      {"[daemon]\n\"a\\u001b[31m\" = 1\n", "f:2:1: unknown key 'a\\u{1b}[31m'; [daemon] knows"},
  });
}

TEST(Mistakes, NameTheTypeThatIsWanted) {
  expect_each({
      {"daemon = 3\n", "f:1:10: 'daemon' is an integer; it must be one table: [daemon]"},
      {"[[daemon]]\n", "f:1:1: 'daemon' is a list; it must be one table: [daemon]"},
      {"[[account]]\n", "f:1:1: 'account' is a list; it must be a table for each account: [account.NAME]"},
      {"[account]\nprod = 1\n",
       "f:2:1: 'prod' is an integer; it must be an account's table: [account.prod], with its settings below"},
      {"[[account.prod]]\n",
       "f:1:11: 'prod' is a list; it must be an account's table: [account.prod], in single brackets"},
      {"[function]\n", "f:1:1: 'function' is a table; it must be a list of tables: [[function]] for each"},
      {"function = [1]\n", "f:1:13: 'function' is an integer; it must be a list of tables: [[function]] for each"},
      {"[daemon]\nstate_dir = true\n", "f:2:13: 'state_dir' is true or false; it must be an absolute path in quotes"},
      {"[daemon]\nstate_dir = 2026-11-24\n", "f:2:13: 'state_dir' is a date or time; it must be"},
      {"[daemon]\ninclude = \"x\"\n",
       "f:2:11: 'include' is a string; it must be a list, each element a path or pattern in quotes"},
      {"[daemon]\ninclude = [1.5]\n", "f:2:12: 'include' is a number with a fraction; it must be a path or pattern"},
      {"[daemon]\nlog_format = 1\n", "f:2:14: 'log_format' is an integer; it must be one of \"text\", \"json\""},
      {"[account.a]\nrequests_per_second = \"15\"\n",
       "f:2:23: 'requests_per_second' is a string; it must be a number without quotes"},
      {"[account.a]\ncredentials = \"env\"\n",
       "f:2:15: 'credentials' is a string; it must be a table, written [account.a.credentials]"},
      {"[[alert]]\nname = \"a\"\nplugin = \"p\"\noptions = 1\n",
       "f:4:11: 'options' is an integer; it must be a table, written [alert.options]"},
  });
}

TEST(Mistakes, OfTheDaemon) {
  expect_each({
      {"[daemon]\nstate_dir = \"state\"\n", "f:2:13: 'state_dir' is \"state\": it must be an absolute path"},
      {"[daemon]\nstate_dir = \"\"\n", "f:2:13: 'state_dir' is \"\": it must be a path of 1 to 4000 bytes"},
      {"[daemon]\nplugin_dir = \"/a\\u0000b\"\n", "f:2:14: 'plugin_dir' is \"/a\\u{0}b\": it must be a path"},
      {"[daemon]\ninclude = [\"\"]\n", "f:2:12: 'include' is \"\": it must be a path"},
      {"[daemon]\nlog_format = \"jsn\"\n",
       "f:2:14: 'log_format' is \"jsn\": it must be one of \"text\", \"json\"; did you mean \"json\"?"},
      {"[log]\norigin = \"a b\"\n", "f:2:10: 'origin' is \"a b\": it must be 1 to 128 printable ASCII characters"},
      {"[log]\norigin = \"a\\nb\"\n", "f:2:10: 'origin' is \"a\\u{a}b\": it must be"},
      {"[log]\norigin = \"é\"\n", "f:2:10: 'origin' is \"é\": it must be"},
      {"[http]\nlisten = \"9817\"\n", "f:2:10: 'listen' is \"9817\": it must be HOST:PORT"},
      {"[http]\nlisten = \"0.0.0.0:9817\"\n",
       "f:2:10: 'listen' is \"0.0.0.0:9817\", where other machines can ask: that needs 'token_file', "
       "'tls_certificate'"},
      {"[http]\nlisten = \"[::]:9817\"\ntoken_file = \"t\"\n",
       "f:2:10: 'listen' is \"[::]:9817\", where other machines"},
      {"[http]\ntls_certificate = \"c\"\n",
       "f:2:19: 'tls_certificate' without 'tls_key': name the file of its private"},
      {"[http]\ntls_key = \"k\"\n", "f:2:11: 'tls_key' without 'tls_certificate'"},
      {"[http]\ntoken_file = \"\"\n", "f:2:14: 'token_file' is"},
      {"[http]\nlisten = \"example.com:1\"\n", "f:2:10: 'listen' is \"example.com:1\": its host must be an address"},
  });
}

TEST(Mistakes, OfTheControlSocketsPermissions) {
  expect_each(
      {
          {"approve = \"root\"\n",
           "f:2:11: 'approve' is a string; it must be a list, each element a user's name in quotes"},
          {"approve = []\n", "f:2:11: 'approve' is empty: write [\"root\"] for root alone"},
          {"expect = [\"ci builder\"]\n", "f:2:11: 'expect' is \"ci builder\": it must be a user's name"},
          {"expect = [\"%\"]\n", "f:2:11: 'expect' is \"%\": it must be a user's name"},
          {"aprove = [\"root\"]\n", "f:2:1: unknown key 'aprove'; did you mean 'approve'?"},
      },
      "[control]\n");
}

TEST(Mistakes, OfAnAccount) {
  expect_each({
      {"[account.\"a b\"]\n", "f:1:10: account \"a b\": it must be 1 to 64 letters"},
      {"[account.a]\nendpoint = \"http://scf.example.com\"\n",
       "f:2:12: 'endpoint' is \"http://scf.example.com\": http is for this machine only"},
      {"[account.a]\nendpoint = \"https://me:hunter2@scf.example.com\"\n",
       "f:2:12: 'endpoint' is not right: it must not hold a user name or password"},
      {"[account.a]\nrequests_per_second = 21\n",
       "f:2:23: 'requests_per_second' is 21: it must be at most 20, the documented limit"},
      {"[account.a]\nrequests_per_second = 0\n", "f:2:23: 'requests_per_second' is 0: it must be at least 0.001"},
      {"[account.a]\nrequests_per_second = -1\n", "f:2:23: 'requests_per_second' is -1: it must be at least 0.001"},
      {"[account.a]\nrequests_per_second = 0.0009\n",
       "f:2:23: 'requests_per_second' is 0.0009: it must be at least 0.001"},
      {"[account.a]\nendpoint = \"http://127.0.0.1:1\"\nrequests_per_second = 1e-300\n",
       "f:3:23: 'requests_per_second' is 1e-300: it must be at least 0.001"},
      {"[account.a]\nrequests_per_second = nan\n", "f:2:23: 'requests_per_second' is nan: it must be a finite number"},
      {"[account.a]\nrequests_per_second = inf\n", "f:2:23: 'requests_per_second' is inf: it must be a finite number"},
      {"[account.a]\nrequests_per_second = -inf\n", "f:2:23: 'requests_per_second' is -inf: it must be at least 0.001"},
      {"[account.a]\ntimeout = \"50ms\"\n", "f:2:11: 'timeout' is \"50ms\": it must be from 100ms to 10m"},
      {"[account.a]\nprevious = \"a\"\n", "f:2:12: 'previous' is this account's own name"},
      {"[account.a]\nprevious = \"b\"\n[account.b]\n",
       "f:2:12: 'previous' is \"b\", which is still an account of its own"},
      {"[account.a]\nprevious = \"x\"\n[account.b]\nprevious = \"x\"\n",
       "f:4:12: 'previous' is \"x\", as in account 'a' already"},
  });
}

TEST(Mistakes, OfCredentials) {
  expect_each(
      {
          {"source = \"file\"\n",
           "f:2:10: 'source' is \"file\": it must be one of \"chain\", \"env\", \"profile\", \"files\", \"cvm-role\"; "
           "did you mean \"files\"?"},
          {"source = \"files\"\nsecret_key_file = \"k\"\n", "f:1:1: source = \"files\" needs 'secret_id_file'"},
          {"source = \"files\"\nsecret_id_file = \"k\"\n", "f:1:1: source = \"files\" needs 'secret_key_file'"},
          {"source = \"env\"\nrole = \"r\"\n",
           "f:3:8: 'role' means nothing with source = \"env\"; remove it, or set source = \"cvm-role\""},
          {"secret_id_file = \"k\"\n",
           "f:2:18: 'secret_id_file' means nothing with source = \"chain\"; remove it, or set source = \"files\""},
          {"password = \"hunter2\"\n",
           "f:2:1: unknown key 'password'; secrets never stand in the configuration: set source = \"files\""},
          {"api_token = \"hunter2\"\n", "f:2:1: unknown key 'api_token'; secrets never stand in the configuration"},
          {"endpoint = \"ftp://x\"\n", "f:2:12: 'endpoint' is \"ftp://x\": it must begin with https://"},
      },
      "[account.a.credentials]\n");
  const std::string mistakes = mistakes_of("[account.a.credentials]\nsecret_key = \"hunter2\"\n");
  EXPECT_NE(mistakes.find("secret_key_file"), std::string::npos) << mistakes;
  EXPECT_EQ(mistakes.find("hunter2"), std::string::npos) << "a secret is never repeated";
}

TEST(Mistakes, OfAFunction) {
  expect_each(
      {
          {"", "f:5:1: no 'name': give name = \"FUNCTION\", or names = [\"ONE\", \"TWO\"]"},
          {"name = \"a\"\nnames = [\"b\"]\n", "f:7:9: both 'name' and 'names'; give one of them"},
          {"names = []\n", "f:6:9: 'names' is empty: list at least one function"},
          {"names = [\"a\", \"b c\"]\n", "f:6:15: 'names' is \"b c\": it must be 1 to 64 letters, digits"},
          {"name = \"pay*\"\n",
           "f:6:8: 'name' is \"pay*\": patterns watch nothing here: name each function, several with names = [...], or "
           "use [[watch]]"},
          {"name = \"prod/charge\"\n", "f:6:8: 'name' is \"prod/charge\": it must be the name alone"},
          {"name = \"a\"\nregion = \"Guangzhou\"\n",
           "f:7:10: 'region' is \"Guangzhou\": it must be lower-case letters"},
          {"name = \"a\"\nqualifier = \"\"\n", "f:7:13: 'qualifier' is \"\": it must be 1 to 64"},
          {"name = \"a\"\nqualifier = \"$LAYER\"\n",
           "f:7:13: 'qualifier' is \"$LAYER\": with '$' there are $LATEST and $DEFAULT, and what is watched beside the "
           "code: $LAYERS, $IMAGE and $ALIAS.NAME"},
          {"name = \"a\"\nqualifier = \"$ALIAS.\"\n", "f:7:13: 'qualifier' is \"$ALIAS.\": with '$' there are"},
          {"name = \"a\"\ntouched = \"warn\"\n",
           "f:7:11: 'touched' is \"warn\": it must be one of \"alert\", \"info\""},
          {"name = \"a\"\nregion = \"ap-*\"\n",
           "f:7:10: 'region' is \"ap-*\": a pattern stands for no region: each is asked for, so name them"},
          {"name = \"a\"\naccount = \"prd\"\n", "f:7:11: account 'prd' is not defined; did you mean 'prod'?"},
          {"name = \"a\"\naccount = \"staging\"\n", "f:7:11: account 'staging' is not defined; add [account.staging]"},
          {"name = \"a\"\ninterval = \"999ms\"\n", "f:7:12: 'interval' is \"999ms\": it must be from 1s to 365d"},
          {"name = \"a\"\nbaseline = \"firstseen\"\n",
           "f:7:12: 'baseline' is \"firstseen\": it must be one of \"first-seen\", \"review\"; did you mean "
           "\"first-seen\"?"},
          {"name = \"a\"\nsha256 = \"abc\"\n",
           "f:7:10: 'sha256' is \"abc\": it must be 64 hex digits; these are 3 characters"},
          {"name = \"a\"\nsha256 = \"" + std::string(64, 'g') + "\"\n",
           "f:7:10: 'sha256' is \"" + std::string(64, 'g') + "\": it must be hex digits only"},
          {"name = \"a\"\nstale_after = \"4m\"\n", "f:7:15: 'stale_after' is 4m, shorter than the interval of 5m"},
          {"names = [\"a\", \"a\"]\n", "f:6:15: prod/r/default/a:$LATEST is watched already, at f:6:10"},
      },
      "[account.prod]\n[defaults]\nregion = \"r\"\naccount = \"prod\"\n[[function]]\n");
}

TEST(Mistakes, OfTheDiskFloor) {
  expect_each({{"disk_floor = 256\n", "f:2:14: 'disk_floor' is an integer; it must be a size in quotes"},
               {"disk_floor = \"256M\"\n", "f:2:14: 'disk_floor' is \"256M\": it must be a whole number and one of B"},
               {"disk_floor = \"1025TiB\"\n", "f:2:14: 'disk_floor' is \"1025TiB\": it must be from 0 to 1024TiB"}},
              "[daemon]\n");
}

TEST(Mistakes, OfPackages) {
  expect_each(
      {
          {"keep = \"file\"\n",
           "f:2:8: 'keep' is \"file\": it must be one of \"off\", \"manifest\", \"files\"; did you mean \"files\"?"},
          {"max_package = 100\n", "f:2:15: 'max_package' is an integer; it must be a size in quotes"},
          {"max_package = \"100MB\"\n",
           "f:2:15: 'max_package' is \"100MB\": it must be a whole number and one of B, KiB, MiB, GiB, TiB, such as "
           "\"100MiB\""},
          {"max_package = \"1023KiB\"\n", "f:2:15: 'max_package' is \"1023KiB\": it must be from 1MiB to 16GiB"},
          {"max_unpacked = \"17GiB\"\n", "f:2:16: 'max_unpacked' is \"17GiB\": it must be from 1MiB to 16GiB"},
          {"max_total = \"0\"\n", "f:2:13: 'max_total' is \"0\": it must be from 1MiB to 1024TiB"},
          {"max_files = 0\n", "f:2:13: 'max_files' is 0: it must be from 1 to 1000000"},
          {"max_files = -1\n", "f:2:13: 'max_files' is -1: it must be from 1 to 1000000"},
          {"max_files = 1000001\n", "f:2:13: 'max_files' is 1000001: it must be from 1 to 1000000"},
          {"max_files = 2.5\n", "f:2:13: 'max_files' is a number with a fraction; it must be a whole number"},
          {"max_files = \"20000\"\n", "f:2:13: 'max_files' is a string; it must be a whole number without quotes"},
          {"hosts = []\n", "f:2:9: 'hosts' is empty: name where packages may come from, or set keep = \"off\""},
          {"hosts = \".myqcloud.com\"\n", "f:2:9: 'hosts' is a string; it must be a list, each element a host"},
          {"hosts = [\"*.myqcloud.com\"]\n", "f:2:10: 'hosts' is \"*.myqcloud.com\": it must be a host in lower case"},
          {"hosts = [\"https://cos.example.com\"]\n", "f:2:10: 'hosts' is \"https://cos.example.com\": it must be a"},
          {"hosts = [\"COS.example.com\"]\n", "f:2:10: 'hosts' is \"COS.example.com\": it must be a host in lower"},
          {"hosts = [\".\"]\n", "f:2:10: 'hosts' is \".\": it must be a host in lower case"},
          {"hosts = [\"..com\"]\n", "f:2:10: 'hosts' is \"..com\": it must be a host in lower case"},
          {"hosts = [\".com\"]\n", "f:2:10: 'hosts' is \".com\": it would allow every host of a top-level domain"},
          {"explain_within = \"11m\"\n", "f:2:18: 'explain_within' is \"11m\": it must be from 0 to 10m"},
          {"examine_within = \"0\"\n", "f:2:18: 'examine_within' is \"0\": it must be from 1s to 1h"},
          {"max_totl = \"1MiB\"\n", "f:2:1: unknown key 'max_totl'; did you mean 'max_total'?"},
      },
      "[packages]\n");
  expect_each({{"packages = \"off\"\n", "f:1:12: 'packages' is a string; it must be one table: [packages]"}});
}

TEST(Mistakes, OfAFunctionsContent) {
  const std::string hash(64, 'a');
  const std::string content = "content = \"h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"\n";
  std::string many = "ignore = [";
  for (int i = 0; i < 101; ++i) many += "\"a\",\n";
  expect_each(
      {
          {"same_content = \"no\"\n", "f:7:16: 'same_content' is \"no\": it must be one of \"accept\", \"tell\""},
          {"ignore = \"*.pyc\"\n", "f:7:10: 'ignore' is a string; it must be a list, each element a pattern of names"},
          {"ignore = [\"*.pyc\", \"**\"]\n",
           "f:7:20: 'ignore' is \"**\": it must not be every file, or no change would be seen"},
          {"ignore = [\"\"]\n", "f:7:11: 'ignore' is \"\": it must be a pattern of 1 to 400 bytes"},
          {"ignore = [\"a\\nb\"]\n", "f:7:11: 'ignore' is \"a\\u{a}b\": it must be a pattern of 1 to 400 bytes"},
          {"ignore = [\"a\", \"/opt/*\"]\n", "f:7:16: 'ignore' is \"/opt/*\": it must not begin with '/'"},
          {"ignore = [\"..\"]\n", "f:7:11: 'ignore' is \"..\": it must not hold '..'"},
          {"ignore = [\"a/../b\"]\n", "f:7:11: 'ignore' is \"a/../b\": it must not hold '..'"},
          {"ignore = [\"a/..\"]\n", "f:7:11: 'ignore' is \"a/..\": it must not hold '..'"},
          {many + "]\n", "f:107:1: 'ignore' has 101 patterns: it must have 100 at most"},
          {"content = 1\n", "f:7:11: 'content' is an integer; it must be a content digest in quotes"},
          {"content = \"h1:abc\"\n", "f:7:11: 'content' is \"h1:abc\": it must be \"h1:\" and 44 characters of base64"},
          {"content = \"" + hash + "\"\n",
           "f:7:11: 'content' is \"" + hash + "\": these are 64 hex digits: pin a CodeSha256 with sha256"},
          {content + "sha256 = \"" + hash + "\"\n",
           "f:7:11: both 'sha256' and 'content': a function is pinned to one hash or to one content; remove one"},
          {content + "[packages]\nkeep = \"off\"\n",
           "f:7:11: 'content' pins what is in the package, and with keep = \"off\" in [packages] none is looked into"},
      },
      "[account.prod]\n[defaults]\nregion = \"ap-tokyo\"\naccount = \"prod\"\n[[function]]\nnames = [\"a\", \"b\"]\n");
  for (const std::string qualifier : {"$LAYERS", "$IMAGE", "$ALIAS.live"}) {
    expect_each(
        {{"[account.prod]\n[[function]]\nname = \"a\"\naccount = \"prod\"\nregion = \"ap-tokyo\"\nqualifier = \"" +
              qualifier + "\"\n" + content,
          "f:7:11: 'content' pins what is in a package, and " + qualifier + " is none; pin it with sha256, as"}});
  }
  expect_each({{"[defaults]\ncontent = \"h1:\"\n", "f:2:1: unknown key 'content' here; it belongs in [[function]]"}});
}

TEST(Mistakes, OfADefaultAreToldOnce) {
  expect_each({
      {"[account.prod]\n[defaults]\naccount = \"pro\"\nregion = \"r\"\n[[function]]\nnames = [\"a\", "
       "\"b\"]\n[[function]]\nname = \"c\"\n",
       "f:3:11: account 'pro' is not defined; did you mean 'prod'?"},
      {"[account.p]\n[defaults]\naccount = \"p\"\nregion = \"R R\"\n[[function]]\nnames = [\"a\", \"a\"]\n",
       "f:4:10: 'region' is \"R R\""},
      {"[account.p]\n[defaults]\naccount = \"p\"\nregion = \"r\"\nstale_after = \"1m\"\n[[function]]\nname = "
       "\"a\"\n[[function]]\nname = \"b\"\n",
       "f:5:15: 'stale_after' is 1m, shorter than the interval of 5m"},
      {"[account.p]\n[defaults]\naccount = \"p\"\nregion = \"r\"\nstale_after = \"10m\"\n[[function]]\nname = "
       "\"a\"\ninterval = \"1h\"\n",
       "f:8:12: 'stale_after' is 10m, shorter than the interval of 1h"},
  });
  EXPECT_EQ(mistakes_of("[[function]]\nname = \"a\"\n"),
            "f:1:1: no 'account': give account = \"NAME\" here or in [defaults]\n"
            "f:1:1: no 'region': give region = \"ap-guangzhou\" (or another) here or in [defaults]\n");
}

TEST(Mistakes, OfAnAlert) {
  expect_each(
      {
          {"name = \"a\"\n", "f:1:1: no 'plugin'"},
          {"plugin = \"p\"\n", "f:1:1: no 'name'"},
          {"name = \"A\"\nplugin = \"p\"\n", "f:2:8: 'name' is \"A\": it must be 1 to 32 lower-case letters"},
          {"name = \"a\"\nplugin = \"../p\"\n", "f:3:10: 'plugin' is \"../p\": it must be the bare name"},
          {"name = \"a\"\nplugin = \"p.so\"\n", "f:3:10: 'plugin' is \"p.so\": it must be the bare name"},
          {"name = \"a\"\nplugin = \"p\"\nkinds = [\"drift.*\", \"drfit.*\"]\n",
           "f:4:21: 'kinds' is \"drfit.*\": there is no such kind of event; did you mean \"drift.*\"?"},
          {"name = \"a\"\nplugin = \"p\"\nkinds = [\"drift.detekted\"]\n",
           "f:4:10: 'kinds' is \"drift.detekted\": there is no such kind of event; did you mean \"drift.detected\"?"},
          {"name = \"a\"\nplugin = \"p\"\nkinds = [\"zzzzzz\"]\n",
           "f:4:10: 'kinds' is \"zzzzzz\": there is no such kind of event; kinds are"},
          {"name = \"a\"\nplugin = \"p\"\nkinds = [\"delivery.*\"]\n",
           "f:4:10: 'kinds' is \"delivery.*\": events about deliveries never cause alerts"},
          {"name = \"a\"\nplugin = \"p\"\nkinds = [\"heartbeat\"]\n",
           "f:4:9: 'kinds' names \"heartbeat\", and there is none: give heartbeat = \"1h\""},
          {"name = \"a\"\nplugin = \"p\"\nreminder = \"often\"\n", "f:4:12: 'reminder' is \"often\""},
          {"name = \"a\"\nplugin = \"p\"\nheartbeat = \"9999d\"\n", "f:4:13: 'heartbeat' is \"9999d\""},
          {"name = \"a\"\nplugin = \"p\"\nkinds = []\n", "f:4:9: 'kinds' is empty: list a kind, or leave it out"},
          {"name = \"a\"\nplugin = \"p\"\ntargets = []\n",
           "f:4:11: 'targets' is empty: list a pattern, or leave it out"},
          {"name = \"a\"\nplugin = \"p\"\ntargets = [\"a b\"]\n",
           "f:4:12: 'targets' is \"a b\": no address matches this"},
          {"name = \"a\"\nplugin = \"p\"\ngive_up_after = \"1\"\n",
           "f:4:17: 'give_up_after' is \"1\": it must be whole numbers and units of ms, s, m, h, d, w, such as"},
          {"name = \"a\"\nplugin = \"p\"\n[alert.options]\nx = 1.5\n",
           "f:5:5: option 'x' is a number with a fraction; an option is"},
          {"name = \"a\"\nplugin = \"p\"\n[alert.options]\nx = [1]\n",
           "f:5:5: option 'x' is a list of other things than strings"},
          {"name = \"a\"\nplugin = \"p\"\n[alert.options.x]\n", "f:4:1: option 'x' is a table"},
          {"name = \"a\"\nplugin = \"p\"\n[[alert]]\nname = \"a\"\nplugin = \"p\"\n",
           "f:5:8: alert 'a' is defined already, at f:2:8"},
          {"name = \"a\"\nplugin = \"p\"\nfallback = \"none\"\n",
           "f:4:12: 'fallback' is \"none\": there is no such alert; add [[alert]]"},
          {"name = \"pager\"\nplugin = \"p\"\n[[alert]]\nname = \"a\"\nplugin = \"p\"\nfallback = \"pagr\"\n",
           "f:7:12: 'fallback' is \"pagr\": there is no such alert; did you mean \"pager\"?"},
          {"name = \"a\"\nplugin = \"p\"\nfallback = \"a\"\n", "f:4:12: 'fallback' goes round in a circle (a -> a)"},
      },
      "[[alert]]\n");
}

TEST(Mistakes, OfFallbacksInACircleAreToldAtEachOfThem) {
  const auto alert = [](const std::string& name, const std::string& fallback) {
    return "[[alert]]\nname = \"" + name + "\"\nplugin = \"p\"\nfallback = \"" + fallback + "\"\n";
  };
  EXPECT_EQ(mistakes_of(alert("a", "b") + alert("b", "a") + alert("c", "a")),
            "f:4:12: 'fallback' goes round in a circle (a -> b -> a); the last alert of a chain has none\n"
            "f:8:12: 'fallback' goes round in a circle (b -> a -> b); the last alert of a chain has none\n");
}

TEST(Mistakes, OfSyntaxAreToldWithTheirPlace) {
  expect_each({
      {"[daemon]\nstate_dir = \n", "f:2:"},
      {"a = 1\na = 2\n", "f:2:"},
      {"a = \"\xff\"\n", "f:1:"},
      {std::string("a = 1\0", 6), "f:1:"},
  });
  EXPECT_NE(mistakes_of("a = ]\n").find(": not valid TOML: "), std::string::npos);
}

TEST(Mistakes, OfKeysOfVeryManyPartsAreToldBeforeTheyExhaustTheStack) {
  std::string deep = "a";
  for (int i = 0; i < 200'000; ++i) deep += ".a";
  expect_each({
      {deep + " = 1\n", "f:1:66: not valid TOML: more than 32 dots outside quotes in one line"},
      {"# a comment\n[" + deep + "]\n", "f:2:67: not valid TOML: more than 32 dots"},
      {"x = \"\"\"a\n\\\"\"\"\"\"\"\n" + deep + " = 1\n", "f:3:66: not valid TOML: more than 32 dots"},
      {"x = '''\n'''''\n'a'." + deep + " = 1\n", "f:3:68: not valid TOML: more than 32 dots"},
  });
  const std::string dots(300, '.');
  EXPECT_EQ(mistakes_of("# " + dots + "\n[[alert]]\nname = 'a' # " + dots +
                        "\nplugin = \"p\"\n[alert.options]\na = \"" + dots + "\"\nb = '" + dots + "'\nc = \"\"\"" +
                        dots + "\n" + dots + "\"\"\"\nd = ['''" + dots + "''']\ne = \"\\\"" + dots + "\"\n"),
            "none");
  // Nesting by brackets and by dots together, as deep as both allow.
  std::string nested = "a = ";
  for (int i = 0; i < 100; ++i) nested += "[{\n" + deep.substr(0, 60) + " = ";
  EXPECT_NE(mistakes_of(nested), "none");
}

}  // namespace
}  // namespace codedriftd
