#include "settings/rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "base/text.h"
#include "base/url.h"
#include "model/content.h"
#include "model/event.h"
#include "model/kinds.h"
#include "model/target.h"
#include "settings/urls.h"

namespace codedriftd {
namespace {

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kDigits = "0123456789";

bool made_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return kLower.find(c) != kLower.npos || kDigits.find(c) != kDigits.npos || more.find(c) != more.npos;
  });
}
bool sized(std::string_view text, std::size_t most) { return !text.empty() && text.size() <= most; }
Problem unless(bool right, std::string_view message) { return right ? Problem{} : Problem{std::string(message)}; }

bool printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

Problem any_path(std::string_view path) {
  return unless(sized(path, 4000) && printable(path),
                "it must be a path of 1 to 4000 bytes without control characters");
}
Problem absolute_path(std::string_view path) {
  if (Problem problem = any_path(path)) return problem;
  return unless(path.front() == '/', "it must be an absolute path: one that starts with '/'");
}
Problem instance(std::string_view name) {
  return unless(sized(name, 64) && valid_part(name) && name.find('$') == name.npos,
                "it must be 1 to 64 letters, digits, '.', '_' and '-'");
}
Problem origin(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F && c != '+'; });
  return unless(sized(text, 128) && plain, "it must be 1 to 128 printable ASCII characters without spaces and '+'");
}
Problem part(std::string_view text) {
  return unless(valid_part(text), "it must be 1 to 64 letters, digits, '.', '_', '$' and '-'");
}
Problem function_name(std::string_view text) {
  if (text.find_first_of("*?") != text.npos)
    return "patterns watch nothing here: name each function, several with names = [...], or use [[watch]]";
  if (text.find_first_of("/:") != text.npos)
    return "it must be the name alone; account, region, namespace and qualifier have keys of their own";
  return part(text);
}
/// A pattern of one part of an address.
Problem part_glob(std::string_view glob) {
  if (glob.find_first_of("/:") != glob.npos)
    return "it must be the name alone; account, regions and namespaces have keys of their own";
  const bool possible = std::all_of(glob.begin(), glob.end(),
                                    [](char c) { return c == '*' || c == '?' || valid_part(std::string_view(&c, 1)); });
  return unless(sized(glob, 100) && possible,
                "no name matches this; it must be 1 to 100 letters, digits, '.', '_', '$' and '-', with '*' for any "
                "run of characters and '?' for any one");
}
/// Versions are numbers, names of aliases begin with a letter: with '$' there are these, and no others.
Problem qualifier(std::string_view text) {
  if (Problem problem = part(text)) return problem;
  const bool alias = text.starts_with(kAliasPrefix) && text.size() > kAliasPrefix.size();
  return unless(!text.starts_with('$') || alias || text == kLatestQualifier || text == kLayersQualifier ||
                    text == kImageQualifier || text == "$DEFAULT",
                "with '$' there are $LATEST and $DEFAULT, and what is watched beside the code: $LAYERS, $IMAGE and "
                "$ALIAS.NAME");
}
Problem region(std::string_view text) {
  if (text.find_first_of("*?") != text.npos)
    return "a pattern stands for no region: each is asked for, so name them, such as \"ap-guangzhou\"";
  return unless(sized(text, 64) && made_of(text, "-"),
                "it must be lower-case letters, digits and '-', such as \"ap-guangzhou\"");
}
Problem hash(std::string_view text) {
  if (Sha256::from_hex(text)) return {};
  if (text.size() == 64) return "it must be hex digits only: 0-9 and a-f";
  return fmt::format("it must be 64 hex digits; these are {} characters", text.size());
}
Problem content_digest(std::string_view text) {
  if (ContentDigest::parse(text)) return {};
  if (Sha256::from_hex(text))
    return "these are 64 hex digits: pin a CodeSha256 with sha256 = \"…\", and give a content as `codedriftd digest` "
           "prints it: \"h1:\" and 44 characters of base64";
  return "it must be \"h1:\" and 44 characters of base64, as `codedriftd digest` prints it";
}
/// Names in a package are relative, so these would leave out nothing.
Problem ignore_glob(std::string_view glob) {
  if (!sized(glob, 400) || !printable(glob)) return "it must be a pattern of 1 to 400 bytes without control characters";
  if (glob.front() == '/')
    return "it must not begin with '/': names in a package are relative, such as \"node_modules/**\"";
  for (std::string_view rest = glob; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    if (part == "..") return "it must not hold '..': no name in a package leads out of it";
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  return {};
}
Problem package_host(std::string_view host) {
  const bool suffix = host.starts_with('.');
  const std::string_view name = suffix ? host.substr(1) : host;
  if (!sized(host, 253) || !made_of(name, ".-:") || name.empty() || name.front() == '.' || name.ends_with('.') ||
      name.find("..") != name.npos)
    return "it must be a host in lower case, such as \"cos.example.com\", or a '.' and what hosts end with, such as "
           "\".myqcloud.com\"; no scheme, port, path or '*'";
  return unless(!suffix || name.find('.') != name.npos,
                "it would allow every host of a top-level domain; give two parts at least, such as \".myqcloud.com\"");
}
Problem word(std::string_view text) {
  return unless(sized(text, 128) && printable(text), "it must be 1 to 128 characters without control characters");
}
Problem alert_name(std::string_view text) {
  return unless(sized(text, 32) && made_of(text, "_-"), "it must be 1 to 32 lower-case letters, digits, '_' and '-'");
}
Problem plugin(std::string_view text) {
  return unless(sized(text, 64) && made_of(text, "_-"),
                "it must be the bare name, without folder and '.so': lower-case letters, digits, '_' and '-'");
}

Problem link_problem(std::string_view pattern) {
  constexpr std::string_view kPlaces[] = {"{address}",   "{account}",  "{region}",
                                          "{namespace}", "{function}", "{qualifier}"};
  if (pattern.empty()) return {};
  if (!pattern.starts_with("https://") && !pattern.starts_with("http://")) return "it must begin with https://";
  std::string rest(pattern);
  for (const std::string_view place : kPlaces) {
    for (std::size_t at; (at = rest.find(place)) != rest.npos;) rest.erase(at, place.size());
  }
  if (rest.find_first_of("{}") != rest.npos)
    return "in braces there can be {address}, {account}, {region}, {namespace}, {function} and {qualifier}";
  return unless(rest.size() <= 1000 &&
                    std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c < 0x7F && c != '"'; }),
                "it must be at most 1000 printable ASCII characters without spaces and quotes");
}

Problem user_or_group(std::string_view text) {
  const bool group = text.starts_with('%');
  const std::string_view name = group ? text.substr(1) : text;
  const bool possible = std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("._-$@\\").find(c) != std::string_view::npos;
  });
  return unless(
      sized(name, 64) && possible && !name.starts_with('-'),
      "it must be a user's name, such as \"root\", or a group's with a '%' in front, such as \"%codedriftd-ops\"");
}

Problem kind_glob(std::string_view glob) {
  if (glob == kHeartbeatKind) return {};  // matches no event: an alert of signs of life alone
  bool recorded = false;
  for (const std::string_view kind : kEventKinds) {
    if (!glob_match(glob, kind)) continue;
    if (!about_delivery(kind)) return {};
    recorded = true;
  }
  if (recorded) {
    return "events about deliveries never cause alerts by themselves; name this alert as the fallback of another to "
           "hear them";
  }
  std::vector<std::string> candidates(kEventKinds.begin(), kEventKinds.end());
  for (const std::string_view kind : kEventKinds) {
    candidates.push_back(std::string(kind.substr(0, kind.find('.'))) + ".*");
  }
  const std::string near = nearest(glob, candidates);
  if (!near.empty()) return fmt::format("there is no such kind of event; did you mean \"{}\"?", near);
  return "there is no such kind of event; kinds are \"drift.detected\", \"poll.failing\", \"function.*\" and so on";
}

Problem uri_glob(std::string_view glob) {
  return unless(sized(glob, 1000) && std::all_of(glob.begin(), glob.end(), [](char c) { return c > ' ' && c < 0x7F; }),
                "it must be 1 to 1000 printable ASCII characters without spaces; leave it out for any");
}
Problem source_glob(std::string_view glob) {
  if (Problem problem = uri_glob(glob)) return problem;
  constexpr std::string_view kGit = "git+";
  return unless(glob.front() == '*' || glob.front() == '?' || glob.starts_with(kGit),
                "no source matches this; it must begin with \"git+\", such as \"git+https://git.example.com/shop/*\"");
}

Problem server_url_problem(std::string_view text) {
  if (text.empty()) return {};
  const auto url = parse_server_url(text);
  return url ? Problem{} : Problem{url.error().message};
}
Problem role_name(std::string_view name) {
  return unless(sized(name, 63) && printable(name), "it must be 1 to 63 bytes without control characters");
}

Problem target_glob(std::string_view glob) {
  const bool possible = std::all_of(glob.begin(), glob.end(), [](char c) {
    return valid_part(std::string_view(&c, 1)) || std::string_view("*?/:").find(c) != std::string_view::npos;
  });
  return unless(sized(glob, 400) && possible,
                "no address matches this; it must be a pattern of ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER, such as "
                "\"prod/*\" or \"*/charge:*\"");
}

}  // namespace

const TextRule kAbsolutePath{"an absolute path in quotes, such as \"/var/lib/codedriftd\"", absolute_path};
const TextRule kAnyPath{"a path in quotes, such as \"secret.key\"", any_path};
const TextRule kIncludePattern{"a path or pattern in quotes, such as \"conf.d/*.toml\"", any_path};
const TextRule kInstance{"a name in quotes, such as \"ops-1\"", instance};
const TextRule kOrigin{"a name in quotes, such as \"ops-1/codedriftd\"", origin};
const TextRule kListen{"HOST:PORT in quotes, such as \"127.0.0.1:9817\", or \"\" for none", listen_problem};
const TextRule kLink{"a URL in quotes, such as \"https://console.example/{region}/{function}\", or \"\" for none",
                     link_problem};
const TextRule kAccountLabel{"an account's label in quotes, such as \"prod\"", part};
const TextRule kEndpoint{"a URL in quotes, such as \"https://scf.intl.tencentcloudapi.com\"", endpoint_problem,
                         TextRule::Shown::without_user_and_query};
const TextRule kMetadataEndpoint{"a URL in quotes, such as \"http://metadata.tencentyun.com\"", metadata_problem,
                                 TextRule::Shown::without_user_and_query};
const TextRule kProfile{"a profile's name in quotes, such as \"default\"", word};
const TextRule kRole{"a role's name in quotes, such as \"codedriftd\"", word};
const TextRule kRegion{"a region in quotes, such as \"ap-guangzhou\"", region};
const TextRule kNamespace{"a namespace in quotes, such as \"default\"", part};
const TextRule kQualifier{"a version in quotes, such as \"$LATEST\" or \"3\"", qualifier};
const TextRule kNameGlob{"a pattern of functions' names in quotes, such as \"pay-*\"", part_glob};
const TextRule kNamespaceGlob{"a pattern of namespaces in quotes, such as \"*\"", part_glob};
const TextRule kPrincipal{"a user's or a role's name in quotes, such as \"ci-deploy\"", word};
const TextRule kFunctionName{"a function's name in quotes, such as \"charge\"", function_name};
const TextRule kSha256{"64 hex digits in quotes, as `query status` shows them", hash};
const TextRule kContent{"a content digest in quotes, as `codedriftd digest` prints it: \"h1:…\"", content_digest};
const TextRule kIgnore{"a pattern of names in a package, in quotes, such as \"node_modules/**\"", ignore_glob};
const TextRule kPackageHost{"a host or the end of one in quotes, such as \".myqcloud.com\"", package_host};
const TextRule kAlertName{"a name in quotes, such as \"ops\"", alert_name};
const TextRule kUserOrGroup{
    "a user's name in quotes, such as \"root\", or a group's with a '%' in front, such as \"%codedriftd-ops\"",
    user_or_group};
const TextRule kPlugin{"a plugin's name in quotes, such as \"webhook\"", plugin};
const TextRule kKindGlob{"a kind of event in quotes, such as \"drift.*\"", kind_glob};
const TextRule kBuilderGlob{"a pattern of a builder's id in quotes, such as \"https://ci.example.com/*\"", uri_glob};
const TextRule kSourceGlob{"a pattern of a source in quotes, such as \"git+https://git.example.com/shop/*\"",
                           source_glob};
const TextRule kServerUrl{
    "a URL in quotes, such as \"postgresql://db1.example.com/codedriftd\", or \"\" for the file in state_dir",
    server_url_problem, TextRule::Shown::never};
const TextRule kRoleName{"a role's name in quotes, such as \"codedriftd_writer\"", role_name};
const TextRule kFleet{"a name in quotes, such as \"prod\"", instance};
const TextRule kTargetGlob{"a pattern of addresses in quotes, such as \"prod/*\"", target_glob};

Problem tag_key_problem(std::string_view key) {
  return unless(sized(key, 127) && printable(key), "a tag's key has 1 to 127 bytes without control characters");
}
Problem tag_glob_problem(std::string_view glob) {
  return unless(glob.size() <= 255 && printable(glob),
                "no tag has such a value; it must be a pattern of at most 255 bytes without control characters");
}

std::string unknown_region(std::string_view region) {
  static constexpr std::string_view kRegions[] = {
      "ap-bangkok",      "ap-beijing",      "ap-beijing-fsi",   "ap-chengdu", "ap-chongqing", "ap-guangzhou",
      "ap-hongkong",     "ap-jakarta",      "ap-mumbai",        "ap-nanjing", "ap-seoul",     "ap-shanghai",
      "ap-singapore",    "ap-shanghai-fsi", "ap-shenzhen-fsi",  "ap-taipei",  "ap-tokyo",     "eu-frankfurt",
      "me-saudi-arabia", "na-ashburn",      "na-siliconvalley", "na-toronto", "sa-saopaulo",  "eu-moscow"};
  if (std::find(std::begin(kRegions), std::end(kRegions), region) != std::end(kRegions)) return {};
  const std::string near = nearest(region, kRegions);
  return near.empty() ? "see the regions of Serverless Cloud Functions in the cloud's documentation"
                      : fmt::format("did you mean \"{}\"?", near);
}

bool is_loopback(std::string_view endpoint) {
  const Result<Url> url = parse_url(endpoint);
  return url && url->loopback;
}

}  // namespace codedriftd
