#include "cloud/credential_sources.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/log.h"
#include "base/text.h"
#include "cloud/profile_file.h"
#include "cloud/secret_json.h"
#include "http/client.h"

namespace codedriftd {
namespace {

using Read = Result<Credentials, Unavailable>;

/// A variable of the environment; set but empty counts as not set.
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// What may stand in a header: visible ASCII.
bool sendable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Read checked(Credentials found) {
  const std::pair<const char*, std::string_view> parts[] = {
      {"secret id", found.secret_id}, {"secret key", found.secret_key.reveal()}, {"token", found.token.reveal()}};
  for (const auto& [name, text] : parts) {
    if (!sendable(text)) {
      return Unavailable{
          fmt::format("{}: the {} holds a space, a control character or a letter beyond ASCII", found.source, name),
          true};
    }
  }
  return found;
}

Read read_environment() {
  Credentials found;
  found.source = "environment";
  found.secret_id = environment("TENCENTCLOUD_SECRET_ID");
  found.secret_key = Secret(environment("TENCENTCLOUD_SECRET_KEY"));
  // tccli's name, the Node SDK's, the Terraform provider's.
  for (const char* name : {"TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSION_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"}) {
    if (found.token.empty()) found.token = Secret(environment(name));
  }
  const bool id = !found.secret_id.empty();
  const bool key = !found.secret_key.empty();
  if (id && key) return checked(std::move(found));
  if (!id && !key && found.token.empty()) {
    return Unavailable{"environment: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY are not set"};
  }
  std::string missing = id ? "" : "TENCENTCLOUD_SECRET_ID";
  if (!key) missing += missing.empty() ? "TENCENTCLOUD_SECRET_KEY" : " and TENCENTCLOUD_SECRET_KEY";
  return Unavailable{fmt::format("environment: only partly set: {} missing", missing), true};
}

std::string profile_path(const CredentialSpec& spec) {
  if (!spec.profile_file.empty()) return spec.profile_file;
  if (std::string file = environment("TENCENTCLOUD_CREDENTIALS_FILE"); !file.empty()) return file;
  if (const std::string home = environment("HOME"); !home.empty()) {
    std::string file = home + "/.tencentcloud/credentials";
    if (::access(file.c_str(), F_OK) == 0) return file;
  }
  return "/etc/tencentcloud/credentials";
}

Read read_profile(const CredentialSpec& spec) {
  const std::string path = profile_path(spec);
  if (path.starts_with('/') && ::access(path.c_str(), F_OK) != 0) {
    return Unavailable{fmt::format("profile: {} does not exist", path)};
  }
  const Result<Secret> file = read_secret_file(path);
  if (!file) return Unavailable{fmt::format("profile: {}", file.error().message), true};

  Result<ProfileKeys> keys = read_profile_section(file->reveal(), spec.profile);
  if (!keys) return Unavailable{fmt::format("profile: {} {}", path, keys.error().message), true};
  Credentials found;
  found.source = fmt::format("profile {} of {}", spec.profile, path);
  found.secret_id = std::move(keys->secret_id);
  found.secret_key = std::move(keys->secret_key);
  found.token = std::move(keys->token);
  if (found.secret_id.empty() || found.secret_key.empty()) {
    return Unavailable{fmt::format("profile: section [{}] of {} should have secret_id and secret_key; {} is missing",
                                   spec.profile, path, found.secret_id.empty() ? "secret_id" : "secret_key"),
                       true};
  }
  return checked(std::move(found));
}

Read read_files(const CredentialSpec& spec) {
  if (spec.secret_id_file.empty() || spec.secret_key_file.empty()) {
    return Unavailable{"files: secret_id_file and secret_key_file have to be given", true};
  }
  Result<Secret> id = read_secret_file(spec.secret_id_file);
  if (!id) return Unavailable{fmt::format("files: {}", id.error().message), true};
  Result<Secret> key = read_secret_file(spec.secret_key_file);
  if (!key) return Unavailable{fmt::format("files: {}", key.error().message), true};
  Credentials found;
  found.source = fmt::format("files {} and {}", spec.secret_id_file, spec.secret_key_file);
  found.secret_id = std::string(id->reveal());
  found.secret_key = std::move(*key);
  if (!spec.token_file.empty()) {
    Result<Secret> token = read_secret_file(spec.token_file);
    if (!token) return Unavailable{fmt::format("files: {}", token.error().message), true};
    found.token = std::move(*token);
  }
  return checked(std::move(found));
}

/// The metadata service of a cloud machine.
class Metadata {
 public:
  Metadata(const CredentialSpec& spec, Millis at_most, int cancel_fd)
      : base_(spec.metadata_endpoint), give_up_(clock_.mono() + at_most), cancel_fd_(cancel_fd) {
    while (base_.ends_with('/')) base_.pop_back();
    base_ += "/latest/meta-data/cam/security-credentials/";
  }

  /// The body of a 200 answer, or why there is none.
  Result<std::string> get(const std::string& role) {
    HttpRequest request;
    request.url = base_ + role;
    request.no_proxy = true;
    request.plain_http_anywhere = true;
    request.deadline = std::clamp(std::chrono::ceil<Millis>(give_up_ - clock_.mono()), Millis{1}, Millis{2000});
    HttpResponse response = client_.fetch(std::move(request), cancel_fd_);
    if (response.failure != HttpFailure::none) return Error{response.failure_text};
    if (response.status != 200) return Error{fmt::format("the metadata service answered HTTP {}", response.status)};
    return std::move(response.body);
  }

 private:
  SystemClock clock_;
  HttpClient client_;
  std::string base_;
  MonoTime give_up_;
  int cancel_fd_;
};

bool role_name(std::string_view role) {
  return !role.empty() && role.size() <= 128 && std::all_of(role.begin(), role.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.,=@+-").find(c) != std::string_view::npos;
  });
}

Read parse_role_keys(const std::string& role, std::string& body) {
  const auto bad = [&](std::string_view what) {
    return Unavailable{fmt::format("cvm-role: the metadata service's answer for role {} {}", role, what), true};
  };
  SecretJson parser;
  simdjson::dom::element root;
  if (parser.parse(body).get(root) != simdjson::SUCCESS) return bad("is not JSON");
  const auto text = [&root](const char* name) {
    std::string_view value;
    return root[name].get_string().get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
  };
  if (const std::string code = text("Code"); code != "Success") {
    return bad(fmt::format("says Code \"{}\"", clean_utf8(code, 100)));
  }
  Credentials found;
  found.source = fmt::format("role {}", role);
  found.secret_id = text("TmpSecretId");
  found.secret_key = Secret(text("TmpSecretKey"));
  found.token = Secret(text("Token"));
  int64_t expires = 0;
  if (found.secret_id.empty() || found.secret_key.empty() || found.token.empty()) {
    return bad("should have TmpSecretId, TmpSecretKey and Token");
  }
  if (root["ExpiredTime"].get_int64().get(expires) != simdjson::SUCCESS || expires <= 0 || expires > 32'503'680'000) {
    return bad("has no ExpiredTime in Unix seconds");
  }
  found.expires = WallTime{std::chrono::seconds(expires)};
  return checked(std::move(found));
}

Read read_role(const CredentialSpec& spec, Millis at_most, int cancel_fd) {
  Metadata metadata(spec, at_most, cancel_fd);
  std::string role = spec.role;
  if (role.empty()) {
    const Result<std::string> name = metadata.get("");
    if (!name) return Unavailable{fmt::format("cvm-role: {}", name.error().message)};
    role = std::string(trimmed(name->substr(0, name->find('\n'))));
  }
  if (!role_name(role)) return Unavailable{"cvm-role: the role's name has characters no role has", true};
  Result<std::string> body = metadata.get(role);
  if (!body) return Unavailable{fmt::format("cvm-role: {}", body.error().message)};
  Read keys = parse_role_keys(role, *body);
  wipe(*body);
  return keys;
}

Read read_chain(const CredentialSpec& spec, Millis at_most, int cancel_fd) {
  std::string tried;
  for (const auto source :
       {CredentialSpec::Source::env, CredentialSpec::Source::profile, CredentialSpec::Source::cvm_role}) {
    CredentialSpec link = spec;
    link.source = source;
    Read found = read_credentials(link, at_most, cancel_fd);
    if (found) return found;
    if (found.error().broken) {
      log(LogLevel::warning, "credentials.passed_over", found.error().message + "; asking the next source");
    }
    tried += (tried.empty() ? "" : "; ") + found.error().message;
  }
  return Unavailable{fmt::format("no source of the chain has credentials: {}", tried)};
}

}  // namespace

Read read_credentials(const CredentialSpec& spec, Millis at_most, int cancel_fd) {
  switch (spec.source) {
    case CredentialSpec::Source::env:
      return read_environment();
    case CredentialSpec::Source::profile:
      return read_profile(spec);
    case CredentialSpec::Source::files:
      return read_files(spec);
    case CredentialSpec::Source::cvm_role:
      return read_role(spec, at_most, cancel_fd);
    case CredentialSpec::Source::chain:
      break;
  }
  return read_chain(spec, at_most, cancel_fd);
}

}  // namespace codedriftd
