#include "smtp/sender.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/sha256.h"
#include "http_sink/connection.h"

namespace codedriftd::smtp {
namespace {

Checked read_envelope(const Json& config, Envelope& envelope) {
  envelope.from = text_at(config, "from");
  if (auto usable = check_address("from", envelope.from); !usable) return usable;
  if (const auto list = config.find("to"); list != config.end() && list->is_array()) {
    for (const Json& one : *list) envelope.to.push_back(one.is_string() ? one.get<std::string>() : std::string());
  }
  if (envelope.to.empty()) return Error{"to: is empty; it should be a list of addresses"};
  for (const std::string& one : envelope.to) {
    if (auto usable = check_address("to", one); !usable) return usable;
  }
  envelope.subject_prefix = text_at(config, "subject_prefix");
  return Done{};
}

Checked read_login(Json& config, Server& server) {
  server.username = text_at(config, "username");
  server.password = Secret(text_at(config, "password"));
  server.auth = text_at(config, "auth");
  if (server.username.empty() != server.password.empty()) {
    return Error{server.username.empty() ? "username: is missing; password_file goes with it"
                                         : "password_file: is missing; username goes with it"};
  }
  if (server.username.empty()) return Done{};
  wipe(config["password"].get_ref<std::string&>());
  if (server.username.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos ||
      server.password.reveal().find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    return Error{"username and password_file: each should be one line"};
  }
  return Done{};
}

Checked check_transport_of(const Server& server) {
  const bool files = !(server.ca_file + server.client_cert_file + server.client_key_file).empty();
  const bool plain = !server.tls_first && !server.starttls;
  if (plain && !server.loopback) {
    return Error{
        fmt::format("starttls: false is for a server on this machine alone; {} is another one, and mail and password "
                    "would not be encrypted: leave it true, or use smtps://",
                    server.host)};
  }
  if (plain && files) {
    return Error{"ca_file, client_cert_file and client_key_file: are for TLS, which starttls = false does without"};
  }
  return http_sink::check_tls_options(server.ca_file, server.client_cert_file, server.client_key_file);
}

}  // namespace

Result<Options> read_options(std::string_view config_json) {
  auto config = http_sink::read_config(config_json);
  if (!config) return config.error();
  auto server = parse_server(text_at(*config, "server"));
  if (!server) return server.error();
  Options options{std::move(*server), {}, std::chrono::seconds(config->value("timeout_s", 30))};
  options.server.starttls = config->value("starttls", true);
  options.server.ca_file = text_at(*config, "ca_file");
  options.server.client_cert_file = text_at(*config, "client_cert_file");
  options.server.client_key_file = text_at(*config, "client_key_file");
  if (auto read = read_envelope(*config, options.envelope); !read) return read.error();
  if (auto read = read_login(*config, options.server); !read) return read.error();
  if (auto checked = check_transport_of(options.server); !checked) return checked.error();
  return options;
}

Smtp::Smtp(Options options) : options_(std::move(options)) {
  const std::string_view password = options_.server.password.reveal();
  mask_.add(password);
  mask_.add(base64(password));
  // What is sent with AUTH PLAIN.
  mask_.add(base64(fmt::format("{0}{1}{0}{2}", '\0', options_.server.username, password)));
}

http_sink::Outcome Smtp::masked(http_sink::Outcome outcome) const {
  outcome.text = mask_.apply(outcome.text);
  return outcome;
}

http_sink::Outcome Smtp::deliver(const http_sink::Incoming& incoming, const http_sink::Patience& patience) {
  const auto alert = http_sink::read_alert(incoming.json);
  if (!alert) return {CODEDRIFTD_REJECTED, 0, 0, alert.error().message};
  const std::string text = message(*alert, options_.envelope, SystemClock{}.wall());
  Envelope envelope = options_.envelope;
  envelope.to = recipients_.left(incoming.id, envelope.to);
  Conversed conversed = hand_over(options_.server, envelope, text, patience);
  return masked(recipients_.settle(incoming.id, envelope.to, conversed.trace, std::move(conversed.outcome),
                                   SystemClock{}.mono()));
}

http_sink::Outcome Smtp::probe(const http_sink::Patience& patience) {
  return masked(ask_server(options_.server, patience));
}

Result<std::unique_ptr<http_sink::Sender>> open(std::string_view config_json) {
  auto options = read_options(config_json);
  if (!options) return options.error();
  return std::unique_ptr<http_sink::Sender>(std::make_unique<Smtp>(std::move(*options)));
}

}  // namespace codedriftd::smtp
