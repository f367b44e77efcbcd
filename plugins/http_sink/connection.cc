#include "http_sink/connection.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/url.h"
#include "http/tls_files.h"
#include "http_sink/headers.h"

namespace codedriftd::http_sink {
namespace {

/// Those of `headers`, and those of `headers_file`, whose values are secrets.
Checked read_headers(const Json& config, Connection& connection) {
  if (const auto lines = config.find("headers"); lines != config.end() && lines->is_array()) {
    for (const Json& line : *lines) {
      auto header = read_header(line.is_string() ? line.get<std::string>() : std::string());
      if (!header) return header.error();
      connection.headers.push_back(std::move(*header));
    }
  }
  const std::string file = text_at(config, "headers_file");
  if (file.empty()) return Done{};
  auto headers = read_header_file(file);
  if (!headers) return headers.error();
  for (HttpHeader& header : *headers) {
    connection.mask.add(header.value);
    connection.mask.add(std::string_view(header.value).substr(header.value.rfind(' ') + 1));
    connection.headers.push_back(std::move(header));
  }
  return Done{};
}

}  // namespace

Checked check_tls_options(const std::string& ca_file, const std::string& client_cert_file,
                          const std::string& client_key_file) {
  if (!ca_file.empty()) {
    if (auto usable = check_ca_file(ca_file); !usable) return Error{"ca_file: " + usable.error().message};
  }
  if (client_cert_file.empty() != client_key_file.empty())
    return Error{"client_cert_file and client_key_file go together; one is missing"};
  if (client_cert_file.empty()) return Done{};
  if (auto usable = check_certificate_and_key(client_cert_file, client_key_file); !usable) {
    return Error{
        (usable.error().message.starts_with(client_cert_file + ":") ? "client_cert_file: " : "client_key_file: ") +
        usable.error().message};
  }
  return Done{};
}

Result<Json> read_config(std::string_view config_json) {
  Json config = Json::parse(config_json, nullptr, false);
  if (!config.is_object()) return Error{"the configuration is not an object"};
  return config;
}

Result<Connection> read_connection(const Json& config) {
  Connection connection;
  connection.url = text_at(config, "url");
  const auto url = parse_url(connection.url);
  if (!url) return Error{"url: " + url.error().message};
  if (auto allowed = check_transport(*url, false); !allowed) return Error{"url: " + allowed.error().message};
  // Whether it stands in the configuration or came from url_file cannot be seen here.
  connection.mask.add_url(connection.url);
  connection.authorization = Secret(text_at(config, "authorization"));
  if (const std::string_view value = connection.authorization.reveal(); !value.empty()) {
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      return Error{"authorization_file should hold one line: \"Bearer …\" or \"Basic …\""};
    }
    connection.mask.add(value);
    connection.mask.add(value.substr(value.rfind(' ') + 1));
  }
  if (auto read = read_headers(config, connection); !read) return read.error();
  connection.timeout = std::chrono::seconds(config.value("timeout_s", 15));
  connection.ca_file = text_at(config, "ca_file");
  connection.client_cert_file = text_at(config, "client_cert_file");
  connection.client_key_file = text_at(config, "client_key_file");
  if (auto usable = check_tls_options(connection.ca_file, connection.client_cert_file, connection.client_key_file);
      !usable) {
    return usable.error();
  }
  return connection;
}

HttpRequest basic_request(const Connection& connection, std::string_view method, std::string url,
                          std::string_view content_type) {
  HttpRequest request;
  request.method = method;
  request.url = std::move(url);
  if (!content_type.empty()) request.headers.push_back({"Content-Type", std::string(content_type)});
  request.headers.push_back({"User-Agent", "codedriftd/" CODEDRIFTD_VERSION});
  if (!connection.authorization.empty()) {
    request.headers.push_back({"Authorization", std::string(connection.authorization.reveal())});
  }
  request.headers.insert(request.headers.end(), connection.headers.begin(), connection.headers.end());
  request.deadline = connection.timeout;
  request.ca_file = connection.ca_file;
  request.client_cert_file = connection.client_cert_file;
  request.client_key_file = connection.client_key_file;
  return request;
}

}  // namespace codedriftd::http_sink
