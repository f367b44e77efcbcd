#include <fmt/format.h>

#include <filesystem>
#include <ostream>
#include <set>

#include "base/duration.h"
#include "base/text.h"
#include "commands/files/input_file.h"
#include "commands/files/package_content.h"
#include "commands/options/usage.h"
#include "commands/reach/reading.h"
#include "commands/reach/reconcile_command.h"
#include "commands/reconcile.h"
#include "select/selection.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kExpectUsage =
    R"(codedriftd [--config FILE] expect TARGET --zip FILE|--dir DIR [--ignore GLOB]...
    [--valid 2h] [--build URL] [--commit SHA]
codedriftd [--config FILE] expect TARGET --content H1 [--valid 2h]
    [--build URL] [--commit SHA]
codedriftd [--config FILE] expect TARGET --sha256 H|--from-zip FILE [--valid 2h]
    [--build URL] [--commit SHA]
codedriftd [--config FILE] expect TARGET --attestation FILE|- [--valid 2h]
codedriftd [--config FILE] expect --from FILE|- [--valid 2h] [--build URL]
    [--commit SHA]
codedriftd [--config FILE] expect TARGET --withdraw [--sha256 H | --content H1]
    --reason TEXT

Announces, from a pipeline and before it deploys, what a deployment will bring:
a content, or the hash H. When it is seen in time it is the accepted one: that
is recorded (deploy.arrived) and alerts nobody. What does not arrive in time is
told once (deploy.overdue), and counts as drift should it still arrive. Eight
announcements of one target may be open at a time.

Announce the content. SCF packs again what is uploaded, so the CodeSha256 that
will be live is not the SHA-256 of the zip that was built, and no pipeline knows
it beforehand; what is in the package stays the same. --zip and --dir compute
the content digest of the package, or of the folder that it is made of, as
`codedriftd digest` does, without the files that the configuration says to
ignore for TARGET; --content takes what `codedriftd digest` printed elsewhere. A
package in which readers could see different things is refused. What the cloud
adds by itself (InstallDependency: node_modules) is for `ignore`.

--sha256 is for a hash that was live already, of another function or version, as
`query` prints it. --from-zip announces the SHA-256 of a file's bytes: it
arrives only where the cloud keeps the bytes of an upload, which is unverified
against the real service.

--from reads JSON objects, each on a line of its own, for the several functions
of one release, all or nothing; "sha256" may stand in the place of "content":
  {"target": "charge", "content": "h1:47DEQp…", "valid": "2h",
   "build": "https://ci.example.com/7", "commit": "c0ffee"}
"valid", "build" and "commit" may be missing or null: then the options count.

--attestation announces what a signed statement names for TARGET: an in-toto
Statement v1 in a DSSE envelope, alone or in a Sigstore bundle, signed by a key
that [trust.NAME] of the configuration believes for TARGET. Of its subjects
counts the one that is named as the function is, or the only one, if it is named
_; of its digests dirHash1 (the content, `codedriftd digest --hex`), else
sha256. Whoever reaches the daemon may bring it, without a permission once for
each function and without --valid: the signature counts. It is kept, for `query
attestations`. Where the configuration says require = "attested" a plain expect
is refused.

--withdraw takes back what was announced: when it arrives all the same, it is
drift. That is an event too (deploy.withdrawn).

While the daemon runs it is asked to do this ([control] expect in the
configuration says who may); without a daemon the command does it itself, as the
owner of state_dir. Who announced what is an event of the log (deploy.expected).

)";

constexpr std::string_view kExpectAfter = R"(
Exit code: 0 announced; 1 refused, nothing matches, or a package cannot be read
or is ambiguous; 64 wrong usage; 78 wrong configuration.
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

/// "code H", "layer list H" or "content H1": what is announced.
std::string announced_words(const Json& target) {
  if (target.contains("content")) return "content " + target.at("content").get<std::string>();
  return fmt::format("{} {}", noun_of(target), target.at("sha256").get<std::string>());
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

/// What the content digests of the one target that is named so leave out, by the configuration; nullopt: it does not
/// name exactly one. Throws UsageError if several are named so.
std::optional<std::vector<std::string>> configured_ignore(Settings settings, const std::string& name) {
  match_rules_on_record(settings);
  KnownTargets known;
  for (const WatchSettings& watch : settings.watches) known.watched.push_back(watch.target);
  Selection selection;
  selection.names = {name};
  if (auto resolved = resolve_names(known, selection); !resolved) throw UsageError(resolved.error().message);
  for (const WatchSettings& watch : settings.watches) {
    if (watch.target.address() == selection.targets.front()) return watch.ignore;
  }
  return std::nullopt;
}

std::string list_words(const std::vector<std::string>& globs) {
  std::string words;
  for (const std::string& glob : globs) words += (words.empty() ? "" : ", ") + harmless(clean_utf8(glob, 200));
  return words.empty() ? "nothing" : words;
}

/// The content digest of --zip or --dir as the daemon will compute it of what is live. The error says why there is
/// none.
Result<ContentDigest> content_here(const ReconcileContext& context, const Settings& settings,
                                   const po::variables_map& values, const std::string& target) {
  const bool folder = values.contains("dir");
  const std::string path = text_option(values, folder ? "dir" : "zip");
  std::vector<std::string> given = list_option(values, "ignore");
  const auto configured = configured_ignore(settings, target);
  const auto as_set = [](const std::vector<std::string>& globs) { return std::set(globs.begin(), globs.end()); };
  if (configured && !given.empty() && as_set(given) != as_set(*configured)) {
    throw UsageError(
        fmt::format("--ignore {} is not what the configuration has for {}, which ignores {}: the content would "
                    "never be seen; leave --ignore away",
                    list_words(given), harmless(clean_utf8(target, 400)), list_words(*configured)));
  }
  std::error_code nowhere;
  if (std::filesystem::exists(path, nowhere) && std::filesystem::is_directory(path, nowhere) != folder) {
    const std::string shown = harmless(clean_utf8(path, 300));
    throw UsageError(folder ? fmt::format("--dir {} is no folder; a package is given with --zip", shown)
                            : fmt::format("--zip {} is a folder; give it with --dir", shown));
  }
  // Read as far as the daemon reads what is live.
  const Examine within = [&](int package) { return context.examine(package, settings.packages.limits); };
  return content_at(path, settings.packages.limits, within, configured ? *configured : given);
}

int withdraw(const ReconcileContext& context, const po::variables_map& values) {
  const auto targets = list_option(values, "TARGET");
  for (const char* other : {"from", "from-zip", "zip", "dir", "attestation", "ignore", "valid", "build", "commit"}) {
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
  add("zip", po::value<std::string>()->value_name("FILE"), "the content of this package");
  add("dir", po::value<std::string>()->value_name("DIR"), "the content of this folder, which the package is made of");
  add("ignore", po::value<std::vector<std::string>>()->composing()->value_name("GLOB"),
      "with --zip and --dir, files to leave out, where the configuration does not name TARGET; may be repeated");
  add("content", po::value<std::string>()->value_name("H1"),
      "the content digest of what will come, as `codedriftd digest` prints it");
  add("sha256", po::value<std::string>()->value_name("H"), "the hash that will come, 64 hex digits");
  add("from-zip", po::value<std::string>()->value_name("FILE"), "the hash of this file's bytes");
  add("attestation", po::value<std::string>()->value_name("FILE"),
      "what this signed statement names for TARGET; - is standard input");
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
  std::size_t ways = 0;
  for (const char* way : {"zip", "dir", "content", "sha256", "from-zip", "attestation", "from"})
    ways += std::size_t{values.contains(way)};
  if (ways != 1)
    throw UsageError(
        "expect takes one of --zip FILE, --dir DIR, --content H1, --sha256 H, --from-zip FILE, --attestation FILE and "
        "--from FILE");
  for (const char* said : {"build", "commit"}) {
    if (values.contains("attestation") && values.contains(said))
      throw UsageError(fmt::format("--{} and --attestation do not go together: what is signed says that", said));
  }
  const bool by_content_here = values.contains("zip") || values.contains("dir");
  if (values.contains("ignore") && !by_content_here) throw UsageError("--ignore goes with --zip and --dir");
  const std::string from = text_option(values, "from"), zip = text_option(values, "from-zip");
  ReconcileContext known = context;  // with the settings, once they are loaded
  std::optional<Settings> settings;
  if (values.contains("from")) {
    if (!targets.empty()) throw UsageError("expect --from FILE takes no TARGET: each line of FILE names its own");
    const auto text = read_input(from, kLargestList);
    if (!text) throw UsageError(text.error().message);
    request.items = read_list(from == "-" ? "standard input" : from, *text, item);
  } else {
    if (targets.size() != 1) throw UsageError("expect takes one TARGET; several are announced with --from FILE");
    item.target = targets.front();
    if (by_content_here) {
      request.items.push_back(item);
      if (auto good = check_request(request); !good) throw UsageError(good.error().message);
      request.items.clear();
      settings = context.settings();
      known.settings = [&settings] { return *settings; };
      const auto content = content_here(context, *settings, values, item.target);
      if (!content) return say(context.err, "expect", EXIT_FAILURE, content.error().message);
      item.content = *content;
    } else if (values.contains("from-zip")) {
      const auto digest = zip_sha256(zip);
      if (!digest) throw UsageError(digest.error().message);
      item.sha256 = *digest;
    } else if (values.contains("attestation")) {
      auto attestation = read_attestation(text_option(values, "attestation"));
      if (!attestation) return say(context.err, "expect", EXIT_FAILURE, attestation.error().message);
      item.attestation = std::move(*attestation);
    } else if (values.contains("content")) {
      item.content = content_option(values);
    } else {
      item.sha256 = hash_option(values, "sha256");
    }
    request.items.push_back(std::move(item));
  }
  if (auto good = check_request(request); !good) throw UsageError(good.error().message);
  const int code = carry_out(known, values, "expect", request,
                             [&](const Json& done) { print_targets(context.out, done, expected_words); });
  if (code == EXIT_SUCCESS && values.contains("from-zip")) {
    print(
        context.err,
        "codedriftd expect: that the cloud's CodeSha256 is the hash of {} is unverified against the real service; "
        "if another hash arrives, the drift says that it differs from the announced one; --zip announces the content, "
        "which stays the same however the cloud packs it\n",
        harmless(clean_utf8(zip, 300)));
  }
  return code;
}

}  // namespace codedriftd
