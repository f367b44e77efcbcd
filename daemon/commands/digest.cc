#include "commands/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <stdexcept>

#include "base/json.h"
#include "base/print.h"
#include "base/text.h"
#include "commands/files/package_content.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "model/target.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kDigestUsage = R"(codedriftd digest FILE.zip|DIR [--hex] [--ignore GLOB]... [--json]
codedriftd digest FILE.zip|DIR --manifest [--ignore GLOB]... [--json]

Prints the content digest of a package, or of the folder it is made of: the same
for both, however the package was packed, and whoever packs it again. It is the
h1: of Go's dirhash, SHA-256 over one line for each file. Needs no daemon and no
configuration.

)";
constexpr std::string_view kDigestAfter = R"(
Without this program, its --hex is, where no file is a link or has a backslash
in its name:
  cd DIR && find . -type f | sed 's|^\./||' | LC_ALL=C sort |
    xargs -r -d '\n' sha256sum -- | sha256sum

Exit code: 0 done; 1 it cannot be read, or readers could see different things in
the package; 64 wrong usage.
)";

constexpr std::size_t kMostNotes = 20;

struct DigestOptions {
  std::string path;
  std::vector<std::string> ignore;
  bool hex = false, manifest = false, json = false;
};

/// What stands at a path, and the files of it that count.
struct Digested {
  Examination found;  ///< `files` without those that are ignored
  std::size_t ignored = 0;
  ContentDigest digest;  ///< where it is not ambiguous
};

Json digest_json(const DigestOptions& options, const Digested& digested) {
  const Examination& found = digested.found;
  uint64_t bytes = 0;
  for (const PackageFile& file : found.files) bytes += file.size;
  const bool known = found.ambiguous.empty();
  Json json{{"schema", "codedriftd.digest.v1"},
            {"path", options.path},
            {"content", known ? Json(digested.digest.text()) : Json()},
            {"hex", known ? Json(digested.digest.sha256.hex()) : Json()},
            {"files", found.files.size()},
            {"bytes", bytes},
            {"ignored", digested.ignored},
            {"ambiguous", or_null(std::string_view(found.ambiguous))},
            {"findings", Json::array()}};
  for (const Finding& finding : found.findings)
    json["findings"].push_back({{"kind", finding.kind}, {"name", finding.name}});
  if (options.manifest) {
    json["manifest"] = Json::array();
    for (const PackageFile& file : found.files)
      json["manifest"].push_back({{"name", file.name},
                                  {"mode", file.mode == 0 ? Json() : Json(fmt::format("{:04o}", file.mode))},
                                  {"size", file.size},
                                  {"sha256", file.sha256.hex()}});
  }
  return json;
}

/// The lines that the digest is over; where a name is not harmless, with escapes, which is noted.
void print_manifest(const Manifest& files, std::ostream& out, std::ostream& err) {
  std::size_t escaped = 0;
  for (const PackageFile& file : files) {
    const std::string name = harmless(file.name);
    if (name != file.name) ++escaped;
    print(out, "{}  {}\n", file.sha256.hex(), name);
  }
  if (escaped > 0)
    say(err, "digest", 0,
        fmt::format("note: {} of the names {} shown with escapes; the digest is over the names as they are", escaped,
                    escaped == 1 ? "is" : "are"));
}

void print_notes(const Examination& found, std::ostream& err) {
  for (std::size_t i = 0; i < std::min(found.findings.size(), kMostNotes); ++i)
    say(err, "digest", 0,
        fmt::format("note: {}: {}", found.findings[i].kind, clean_utf8(harmless(found.findings[i].name), 300)));
  if (found.findings.size() > kMostNotes)
    say(err, "digest", 0, fmt::format("note: and {} more; --json has them", found.findings.size() - kMostNotes));
}

/// Takes the files away that are ignored. A pattern that matches none is noted: it is hardly meant.
std::size_t leave_out(const std::vector<std::string>& ignore, Manifest& files, std::ostream& err) {
  for (const std::string& glob : ignore) {
    if (std::none_of(files.begin(), files.end(), [&](const PackageFile& file) { return glob_match(glob, file.name); }))
      say(err, "digest", 0, fmt::format("note: --ignore {} matches no file", glob));
  }
  return std::erase_if(files, [&](const PackageFile& file) {
    return std::any_of(ignore.begin(), ignore.end(), [&](const auto& glob) { return glob_match(glob, file.name); });
  });
}

int print_digest(const DigestOptions& options, const Digested& digested, std::ostream& out, std::ostream& err) {
  const std::string& ambiguous = digested.found.ambiguous;
  if (options.json) {
    out << plain_json(digest_json(options, digested)) << '\n';
  } else if (ambiguous.empty()) {
    print_notes(digested.found, err);
    if (options.manifest) {
      print_manifest(digested.found.files, out, err);
    } else {
      print(out, "{}\n", options.hex ? digested.digest.sha256.hex() : digested.digest.text());
    }
  }
  if (ambiguous.empty()) return EXIT_SUCCESS;
  return say(err, "digest", EXIT_FAILURE,
             fmt::format("{}: is ambiguous, and has no content digest: {}", options.path, ambiguous));
}

}  // namespace

int run_digest(const std::vector<std::string>& args, const Examine& examine, std::ostream& out, std::ostream& err) {
  po::options_description description;
  DigestOptions options;
  auto add = description.add_options();
  add("hex", "as 64 hex digits, the form of in-toto's dirHash1");
  add("manifest", "each file instead: the lines that the digest is over, as sha256sum prints them");
  add("ignore", po::value(&options.ignore)->composing()->value_name("GLOB"),
      "leave out the files whose names match, such as node_modules/*; may be repeated");
  add("json", "print one JSON object (codedriftd.digest.v1); with --manifest also modes and sizes");
  po::variables_map values;
  if (!read_options(args, kDigestUsage, kDigestAfter, description, "PATH", values, out)) return EXIT_SUCCESS;
  const auto paths = list_option(values, "PATH");
  if (paths.size() != 1) throw UsageError("digest takes one FILE.zip or DIR: codedriftd digest build/charge.zip");
  options.path = paths.front();
  options.hex = values.contains("hex");
  options.manifest = values.contains("manifest");
  options.json = values.contains("json");
  if (options.hex && options.manifest)
    throw UsageError("--hex and --manifest do not go together: the lines of --manifest are in hex");
  if (options.hex && options.json) throw UsageError("--hex and --json do not go together: --json has both forms");

  auto found = examine_path(options.path, PackageLimits{}, examine);
  if (!found) return say(err, "digest", EXIT_FAILURE, found.error().message);
  Digested digested;
  digested.found = std::move(found->found);
  if (digested.found.ambiguous.empty()) {
    digested.ignored = leave_out(options.ignore, digested.found.files, err);
    try {
      digested.digest = content_of(digested.found.files);
    } catch (const std::invalid_argument& error) {
      return say(err, "digest", EXIT_FAILURE, fmt::format("{}: {}", options.path, error.what()));
    }
  }
  return print_digest(options, digested, out, err);
}

}  // namespace codedriftd
