#include "webhook/request.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "http_sink/prometheus.h"

namespace codedriftd::webhook {
namespace {

Format format_of(std::string_view name) {
  if (name == "cloudevents_binary") return Format::cloudevents_binary;
  if (name == "alertmanager_v4") return Format::alertmanager_v4;
  if (name == "json") return Format::json;
  return Format::cloudevents;
}

/// What may stand in one segment of a URI, in which everything else is %XX: `source` has to be a URI reference.
std::string uri_segment(std::string_view text) {
  std::string segment;
  for (const char c : clean_utf8(text)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~!$&'()*+,;=:@").find(c) != std::string_view::npos;
    segment += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return segment;
}

/// The attributes of the CloudEvent, in order.
using Attributes = std::vector<std::pair<std::string_view, std::string>>;
Attributes attributes_of(const http_sink::Alert& alert) {
  Attributes list = {{"specversion", "1.0"},
                     {"id", alert.id},
                     {"source", "codedriftd/" + uri_segment(alert.instance)},
                     {"type", "codedriftd." + alert.own.kind}};
  if (!alert.own.address.empty()) list.emplace_back("subject", alert.own.address);
  list.emplace_back("time", alert.own.time);
  list.emplace_back("timestamp", alert.own.time);  // Standard Webhooks' name for it
  return list;
}

std::string structured(const Attributes& attributes, std::string_view alert) {
  std::string event = "{";
  for (const auto& [name, value] : attributes) event += fmt::format(R"("{}":{},)", name, json_line(Json(value)));
  event += R"("datacontenttype":"application/json","data":)";
  event += alert;
  event += '}';
  return event;
}

}  // namespace

Result<Options> read_options(std::string_view config_json) {
  auto config = http_sink::read_config(config_json);
  if (!config) return config.error();
  auto connection = http_sink::read_connection(*config);
  if (!connection) return connection.error();
  Options options{std::move(*connection), format_of(text_at(*config, "format")), {}};
  if (const Secret held(text_at(*config, "secret")); !held.empty()) {
    auto keys = decode_keys(held.reveal());
    if (!keys) return keys.error();
    options.keys = std::move(*keys);
    for (const std::string_view word : words(held.reveal())) {
      options.connection.mask.add(word.substr(word.find('_') + 1));
    }
    wipe((*config)["secret"].get_ref<std::string&>());
  }
  return options;
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : clean_utf8(text)) {
    if (c > 0x20 && c < 0x7F && c != '"' && c != '%') {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

Result<Message> make_message(Format format, std::string_view json) {
  const auto alert = http_sink::read_alert(json);
  if (!alert) return alert.error();
  switch (format) {
    case Format::cloudevents:
      return Message{"application/cloudevents+json", {}, structured(attributes_of(*alert), json)};
    case Format::cloudevents_binary: {
      Message message{"application/json", {}, std::string(json)};
      for (const auto& [name, value] : attributes_of(*alert)) {
        message.headers.push_back({fmt::format("ce-{}", name), percent_encoded(value)});
      }
      return message;
    }
    case Format::alertmanager_v4:
      return Message{"application/json", {}, http_sink::webhook_v4_body(*alert)};
    case Format::json:
      break;
  }
  return Message{"application/json", {}, std::string(json)};
}

Result<HttpRequest> Webhook::make_request(const http_sink::Incoming& alert, unsigned, WallTime now) const {
  if (!is_message_id(alert.id)) return Error{"the alert's id cannot be a webhook-id"};
  auto message = make_message(options_.format, alert.json);
  if (!message) return message.error();
  const int64_t timestamp = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  const http_sink::Connection& connection = options_.connection;
  HttpRequest request = http_sink::basic_request(connection, "POST", connection.url, message->content_type);
  request.headers.push_back({"webhook-id", std::string(alert.id)});
  request.headers.push_back({"webhook-timestamp", std::to_string(timestamp)});
  if (!options_.keys.empty()) {
    request.headers.push_back({"webhook-signature", signature(options_.keys, alert.id, timestamp, message->body)});
  }
  request.headers.insert(request.headers.end(), message->headers.begin(), message->headers.end());
  request.body = std::move(message->body);
  return request;
}

http_sink::Outcome Webhook::judge(const HttpResponse& response, WallTime now) const {
  return http_sink::judge_status(response, options_.connection.mask, now);
}

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json) {
  auto options = read_options(config_json);
  if (!options) return options.error();
  return std::unique_ptr<http_sink::Destination>(std::make_unique<Webhook>(std::move(*options)));
}

}  // namespace codedriftd::webhook
