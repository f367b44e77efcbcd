#include "request.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/json.h"
#include "base/sha256.h"
#include "http/url.h"

namespace codedriftd::webhook {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::size_t kShortestKey = 24, kLongestKey = 64;  // bytes; Standard Webhooks

std::string_view take_word(std::string_view& text) {
  constexpr std::string_view kBlank = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(kBlank));
  text.remove_prefix(word.size());
  return word;
}

/// The text at `name`, or empty if there is none.
std::string text_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string json_text(const std::string& text) { return json_line(Json(text)); }

}  // namespace

Result<std::vector<Secret>> decode_secrets(std::string_view text) {
  std::vector<Secret> keys;
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    std::optional<std::string> key;
    if (word.starts_with(kSecretPrefix)) key = base64_decode(word.substr(kSecretPrefix.size()));
    if (!key || key->size() < kShortestKey || key->size() > kLongestKey) {
      return Error{
          "secret_file should hold \"whsec_\" and 24 to 64 random bytes in base64; make one with: "
          "echo whsec_$(openssl rand -base64 32)"};
    }
    keys.emplace_back(*std::move(key));
  }
  if (keys.empty()) return Error{"secret_file is empty"};
  return keys;
}

Result<Options> read_options(std::string_view config_json) {
  Json config = Json::parse(config_json, nullptr, false);
  if (!config.is_object()) return Error{"the configuration is no object"};
  Options options;
  options.url = text_at(config, "url");
  const auto url = parse_url(options.url);
  if (!url) return Error{"url: " + url.error().message};
  if (auto allowed = check_transport(*url, false); !allowed) return Error{"url: " + allowed.error().message};
  options.mask.add_url(options.url);
  if (Secret held(text_at(config, "secret")); !held.empty()) {
    const std::string_view secret = held.reveal();
    auto keys = decode_secrets(secret);
    if (!keys) return keys.error();
    options.keys = std::move(*keys);
    std::string_view rest = secret;
    for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
      options.mask.add(word.substr(kSecretPrefix.size()));
    }
    wipe(config["secret"].get_ref<std::string&>());
  }
  options.timeout = std::chrono::seconds(config.value("timeout_s", 15));
  options.ca_file = text_at(config, "ca_file");
  if (!options.ca_file.empty() && ::access(options.ca_file.c_str(), R_OK) != 0) {
    return Error{fmt::format("ca_file: {} cannot be read", options.ca_file)};
  }
  return options;
}

bool is_message_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Result<std::string> cloud_event(std::string_view alert) {
  const Json parsed = Json::parse(alert, nullptr, false);
  if (!parsed.is_object()) return Error{"the alert is not a JSON object"};
  const std::string id = text_at(parsed, "id"), kind = text_at(parsed, "kind"), time = text_at(parsed, "time");
  const std::string instance = text_at(parsed, "instance");
  if (id.empty() || kind.empty() || time.empty() || instance.empty()) {
    return Error{"the alert has no id, kind, time or instance"};
  }
  std::string subject;
  if (const auto target = parsed.find("target"); target != parsed.end() && target->is_object()) {
    subject = text_at(*target, "address");
  }
  std::string event = fmt::format(R"({{"specversion":"1.0","id":{},"source":{},"type":{},)", json_text(id),
                                  json_text("codedriftd/" + instance), json_text("codedriftd." + kind));
  if (!subject.empty()) event += fmt::format(R"("subject":{},)", json_text(subject));
  event += fmt::format(R"("time":{0},"timestamp":{0},"datacontenttype":"application/json","data":)", json_text(time));
  event += alert;
  event += '}';
  return event;
}

std::string signature(const std::vector<Secret>& keys, std::string_view id, int64_t timestamp, std::string_view body) {
  const std::string signed_text = fmt::format("{}.{}.{}", id, timestamp, body);
  std::string list;
  for (const Secret& key : keys) {
    if (!list.empty()) list += ' ';
    list += "v1," + base64(hmac_sha256(key.reveal(), signed_text).bytes);
  }
  return list;
}

HttpRequest make_request(const Options& options, std::string_view id, std::string body, WallTime now, Millis left) {
  const int64_t timestamp = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  HttpRequest request;
  request.method = "POST";
  request.url = options.url;
  request.headers = {{"Content-Type", "application/cloudevents+json"},
                     {"User-Agent", "codedriftd/" CODEDRIFTD_VERSION},
                     {"webhook-id", std::string(id)},
                     {"webhook-timestamp", std::to_string(timestamp)}};
  if (!options.keys.empty())
    request.headers.push_back({"webhook-signature", signature(options.keys, id, timestamp, body)});
  request.body = std::move(body);
  request.deadline = std::min(options.timeout, left);
  request.ca_file = options.ca_file;
  return request;
}

}  // namespace codedriftd::webhook
