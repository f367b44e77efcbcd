#include "syslog/sender.h"

#include <fmt/format.h>

#include "base/json.h"
#include "http_sink/connection.h"

namespace codedriftd::syslog {
namespace {

Checked check_options(const Options& options, bool plain_tcp) {
  const Address& address = options.address;
  const TlsFiles& files = options.files;
  if (address.kind == Address::Kind::tcp && !address.loopback && !plain_tcp) {
    return Error{
        fmt::format("address: tcp://{} is another machine, and what is sent there is not encrypted; use tls://, or set "
                    "plain_tcp = true where the network is trusted",
                    address.host)};
  }
  if (address.kind != Address::Kind::tls && !(files.ca_file + files.client_cert_file + files.client_key_file).empty()) {
    return Error{"ca_file, client_cert_file and client_key_file are for an address with tls:// alone; leave them out"};
  }
  if (auto usable = check_app_name(options.style.app_name); !usable) return usable;
  if (auto usable = check_sd_id(options.style.sd_id); !usable) return usable;
  return http_sink::check_tls_options(files.ca_file, files.client_cert_file, files.client_key_file);
}

}  // namespace

Result<Options> read_options(std::string_view config_json) {
  const auto config = http_sink::read_config(config_json);
  if (!config) return config.error();
  auto address = parse_address(text_at(*config, "address"));
  if (!address) return address.error();
  Options options;
  options.address = std::move(*address);
  options.files = {text_at(*config, "ca_file"), text_at(*config, "client_cert_file"),
                   text_at(*config, "client_key_file")};
  const std::string format = text_at(*config, "format");
  const bool bsd = format == "bsd" || (format != "rfc5424" && options.address.kind == Address::Kind::local);
  options.style.format = bsd ? Format::bsd : Format::rfc5424;
  options.style.facility = facility_number(text_at(*config, "facility"));
  options.style.app_name = text_at(*config, "app_name");
  options.style.sd_id = text_at(*config, "sd_id");
  options.style.max_bytes = config->value("max_bytes", options.style.max_bytes);
  options.timeout = std::chrono::seconds(config->value("timeout_s", 15));
  if (auto checked = check_options(options, config->value("plain_tcp", false)); !checked) return checked.error();
  return options;
}

http_sink::Outcome Syslog::deliver(const http_sink::Incoming& incoming, const http_sink::Patience& patience) {
  const auto alert = http_sink::read_alert(incoming.json);
  if (!alert) return {CODEDRIFTD_REJECTED, 0, 0, alert.error().message};
  const auto made = messages(*alert, options_.style);
  if (options_.address.kind == Address::Kind::local) return send_locally(options_.address.path, made, patience);
  return send_over_tcp(options_.address, options_.files, framed(made), patience);
}

http_sink::Outcome Syslog::probe(const http_sink::Patience& patience) {
  if (options_.address.kind == Address::Kind::local) return send_locally(options_.address.path, {}, patience);
  return send_over_tcp(options_.address, options_.files, "", patience);
}

Result<std::unique_ptr<http_sink::Sender>> open(std::string_view config_json) {
  auto options = read_options(config_json);
  if (!options) return options.error();
  return std::unique_ptr<http_sink::Sender>(std::make_unique<Syslog>(std::move(*options)));
}

}  // namespace codedriftd::syslog
