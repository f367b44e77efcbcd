#include <fmt/format.h>

#include <ostream>
#include <set>

#include "base/duration.h"
#include "base/text.h"
#include "commands/files/input_file.h"
#include "commands/options/usage.h"
#include "commands/reach/reconcile_command.h"
#include "commands/reconcile.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kExpectUsage =
    R"(codedriftd [--config FILE] expect TARGET --sha256 H [--valid 2h] [--build URL]
    [--commit SHA]
codedriftd [--config FILE] expect TARGET --content H1 [--valid 2h]
    [--build URL] [--commit SHA]
codedriftd [--config FILE] expect TARGET --from-zip FILE [--valid 2h]
    [--build URL] [--commit SHA]
codedriftd [--config FILE] expect --from FILE|- [--valid 2h] [--build URL]
    [--commit SHA]
codedriftd [--config FILE] expect TARGET --withdraw [--sha256 H | --content H1]
    --reason TEXT

Announces, from a pipeline and before it deploys, that a deployment will bring
the hash H. When H is seen in time it is the accepted one: that is recorded
(deploy.arrived) and alerts nobody. What does not arrive in time is told once
(deploy.overdue), and counts as drift should it still arrive. Eight
announcements of one target may be open at a time.

--from reads JSON objects, each on a line of its own, for the several functions
of one release, all or nothing:
  {"target": "charge", "sha256": "5077f5…", "valid": "2h",
   "build": "https://ci.example.com/7", "commit": "c0ffee"}
"valid", "build" and "commit" may be missing or null: then the options count.

--withdraw takes back what was announced: when it arrives all the same, it is
drift. That is an event too (deploy.withdrawn).

--from-zip computes the SHA-256 of a package's bytes. That the cloud's
CodeSha256 is this hash is unverified against the real service: announce one
deployment this way and see whether it arrives, before you rely on it.

While the daemon runs it is asked to do this ([control] expect in the
configuration says who may); without a daemon the command does it itself, as the
owner of state_dir. Who announced what is an event of the log (deploy.expected).

)";

constexpr std::string_view kExpectAfter = R"(
Exit code: 0 announced; 1 refused, or nothing matches; 64 wrong usage; 78 wrong
configuration.
)";

constexpr std::size_t kLargestList = 16U << 20;

std::optional<Millis> valid_option(const std::string& text, std::string_view where) {
  if (text.empty()) return std::nullopt;
  const auto valid = parse_duration(text);
  if (!valid || *valid < kShortestValid || *valid > kLongestValid) {
    const std::string shown = harmless(clean_utf8(text, 100));
    if (valid && *valid > kLongestValid)
      throw UsageError(fmt::format("{} {} is too long; at most {}", where, shown, format_duration(kLongestValid)));
    if (valid)
      throw UsageError(fmt::format("{} {} is too short; at least {}", where, shown, format_duration(kShortestValid)));
    throw UsageError(fmt::format("{} \"{}\" is not a time; write one like 30m, 2h, 1d", where, shown));
  }
  return valid;
}

/// A member that an object has more than once: the two may say different things. Empty: there is none.
std::string said_twice(std::string_view line) {
  std::set<std::string> seen;
  std::string twice;
  const auto look = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth == 1 && event == Json::parse_event_t::key && !seen.insert(value.get<std::string>()).second)
      twice = value.get<std::string>();
    return true;
  };
  return Json::parse(line, look).is_discarded() ? std::string() : twice;
}

/// One line of --from. Throws std::runtime_error for what is wrong with it.
ExpectRequest::Item read_line(std::string_view line, const ExpectRequest::Item& defaults) {
  Json json = parse_json(line);
  if (!json.is_object()) throw std::runtime_error("is not a JSON object");
  if (const std::string twice = said_twice(line); !twice.empty())
    throw std::runtime_error(fmt::format("has \"{}\" twice", harmless(clean_utf8(twice, 100))));
  for (auto member = json.begin(); member != json.end();) member = member->is_null() ? json.erase(member) : ++member;
  Arguments read(json);
  ExpectRequest::Item item = defaults;
  item.target = read.text("target");
  item.sha256 = read.sha256("sha256");
  item.content = read.content("content");
  if (auto valid = valid_option(read.text("valid"), "'valid'")) item.valid = valid;
  if (auto build = read.text("build"); !build.empty()) item.build = std::move(build);
  if (auto commit = read.text("commit"); !commit.empty()) item.commit = std::move(commit);
  if (const std::string trouble = read.trouble(); !trouble.empty()) throw std::runtime_error(trouble);
  if (item.target.empty()) throw std::runtime_error("has no \"target\"");
  if (item.sha256 && item.content) throw std::runtime_error("has both \"sha256\" and \"content\": give one");
  if (!item.sha256 && !item.content) throw std::runtime_error("has neither \"sha256\" nor \"content\"");
  return item;
}

/// The announcements of a text with one a line. Throws UsageError that names the line.
std::vector<ExpectRequest::Item> read_list(const std::string& name, std::string_view text,
                                           const ExpectRequest::Item& defaults) {
  std::vector<ExpectRequest::Item> items;
  std::size_t number = 0;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::string_view line = text.substr(from, end - from);
    from = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      items.push_back(read_line(line, defaults));
    } catch (const std::exception& error) {
      throw UsageError(
          fmt::format("{}:{}: {}; nothing was announced", harmless(clean_utf8(name, 300)), number, error.what()));
    }
  }
  if (items.empty()) throw UsageError(fmt::format("{}: announces nothing", harmless(clean_utf8(name, 300))));
  return items;
}

/// "code H" or "content H1": what is announced.
std::string announced_words(const Json& target) {
  return target.contains("content") ? "content " + target.at("content").get<std::string>()
                                    : "code " + target.at("sha256").get<std::string>();
}

/// What one target's line says.
std::string expected_words(const Json& target) {
  if (target.value("arrived", false)) return announced_words(target) + " is live and accepted already";
  const auto before = target.find("previous_until");
  return fmt::format(
      "{} is expected until {}{}", announced_words(target), target.at("valid_until").get<std::string>(),
      before == target.end() ? "" : "; that is sooner than " + before->get<std::string>() + ", as announced before");
}

ContentDigest content_option(const po::variables_map& values) {
  const std::string text = text_option(values, "content");
  const auto content = ContentDigest::parse(text);
  if (!content) {
    throw UsageError(
        fmt::format("--content \"{}\" is not a content digest: \"h1:\" and 44 characters of base64, as "
                    "`codedriftd digest` prints it",
                    harmless(clean_utf8(text, 100))));
  }
  return *content;
}

int withdraw(const ReconcileContext& context, const po::variables_map& values) {
  const auto targets = list_option(values, "TARGET");
  for (const char* other : {"from", "from-zip", "valid", "build", "commit"}) {
    if (values.contains(other)) throw UsageError(fmt::format("--withdraw and --{} do not go together", other));
  }
  if (targets.size() != 1) throw UsageError("expect --withdraw takes one TARGET");
  WithdrawRequest request;
  request.target = targets.front();
  if (values.contains("sha256")) request.sha256 = hash_option(values, "sha256");
  if (values.contains("content")) request.content = content_option(values);
  if (request.sha256 && request.content) throw UsageError("--withdraw takes one of --sha256 and --content");
  request.reason = text_option(values, "reason");
  if (auto good = check_request(request); !good) throw UsageError(good.error().message);
  return carry_out(context, values, "withdraw", request, [&](const Json& done) {
    print_targets(context.out, done,
                  [](const Json& target) { return announced_words(target) + " is not expected any more"; });
  });
}

}  // namespace

int run_expect(const std::vector<std::string>& args, const ReconcileContext& context) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("sha256", po::value<std::string>()->value_name("H"), "the hash that will come, 64 hex digits");
  add("content", po::value<std::string>()->value_name("H1"),
      "the content digest of what will come, as `codedriftd digest` prints it");
  add("from-zip", po::value<std::string>()->value_name("FILE"), "the hash of this package");
  add("from", po::value<std::string>()->value_name("FILE"),
      "announcements, one JSON object a line; - is standard input");
  add("valid", po::value<std::string>()->value_name("TIME"),
      "how long it may take: 30m, 2h; default: the target's deploy_grace");
  add("build", po::value<std::string>()->value_name("URL"), "the build it comes from: it is recorded");
  add("commit", po::value<std::string>()->value_name("SHA"), "the commit it was built from: it is recorded");
  add("withdraw", "take back what was announced: the hash H, or all of it");
  add("reason", po::value<std::string>()->value_name("TEXT"), "with --withdraw, why: it is recorded");
  add("json", "print what was done as JSON");
  po::variables_map values;
  if (!read_options(args, kExpectUsage, kExpectAfter, options, "TARGET", values, context.out)) return EXIT_SUCCESS;
  if (values.contains("withdraw")) return withdraw(context, values);
  if (values.contains("reason")) throw UsageError("--reason is for expect --withdraw alone");
  const auto targets = list_option(values, "TARGET");
  ExpectRequest::Item item;
  item.valid = valid_option(text_option(values, "valid"), "--valid");
  item.build = text_option(values, "build");
  item.commit = text_option(values, "commit");
  ExpectRequest request;
  const std::size_t ways = std::size_t{values.contains("sha256")} + values.contains("content") +
                           values.contains("from-zip") + values.contains("from");
  if (ways != 1) throw UsageError("expect takes one of --content H1, --sha256 H, --from-zip FILE and --from FILE");
  const std::string from = text_option(values, "from"), zip = text_option(values, "from-zip");
  if (values.contains("from")) {
    if (!targets.empty()) throw UsageError("expect --from FILE takes no TARGET: each line of FILE names its own");
    const auto text = read_input(from, kLargestList);
    if (!text) throw UsageError(text.error().message);
    request.items = read_list(from == "-" ? "standard input" : from, *text, item);
  } else {
    if (targets.size() != 1) throw UsageError("expect takes one TARGET; several are announced with --from FILE");
    item.target = targets.front();
    if (values.contains("from-zip")) {
      const auto digest = zip_sha256(zip);
      if (!digest) throw UsageError(digest.error().message);
      item.sha256 = *digest;
    } else if (values.contains("content")) {
      item.content = content_option(values);
    } else {
      item.sha256 = hash_option(values, "sha256");
    }
    request.items.push_back(std::move(item));
  }
  if (auto good = check_request(request); !good) throw UsageError(good.error().message);
  const int code = carry_out(context, values, "expect", request,
                             [&](const Json& done) { print_targets(context.out, done, expected_words); });
  if (code == EXIT_SUCCESS && values.contains("from-zip")) {
    print(context.err,
          "codedriftd expect: that the cloud's CodeSha256 is the hash of {} is unverified against the real service; "
          "if another hash arrives, the drift says that it differs from the announced one\n",
          harmless(clean_utf8(zip, 300)));
  }
  return code;
}

}  // namespace codedriftd
