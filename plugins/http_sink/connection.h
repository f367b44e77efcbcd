#pragma once
/// The options that the HTTP plugins have in common.
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json_box.h"
#include "base/result.h"
#include "base/secret.h"
#include "codedriftd/sink.h"
#include "http/client.h"
#include "http_sink/mask.h"

namespace codedriftd::http_sink {

inline constexpr codedriftd_option kTimeoutOption = {
    "timeout_s", "seconds for one attempt, everything included", "15", CODEDRIFTD_OPT_INT, 0, 1, 60, nullptr};
inline constexpr codedriftd_option kCaFileOption = {
    "ca_file", "certificates (PEM) to trust instead of the system's", nullptr, CODEDRIFTD_OPT_STRING, 0, 1, 4096,
    nullptr};
inline constexpr codedriftd_option kClientCertOption = {
    "client_cert_file",
    "certificate (PEM) this side shows: mutual TLS, with client_key_file",
    nullptr,
    CODEDRIFTD_OPT_STRING,
    0,
    1,
    4096,
    nullptr};
inline constexpr codedriftd_option kClientKeyOption = {
    "client_key_file", "its key (PEM), closed to others", nullptr, CODEDRIFTD_OPT_STRING, 0, 1, 4096, nullptr};
inline constexpr codedriftd_option kAuthorizationOption = {"authorization",
                                                           "the header Authorization: \"Bearer …\", \"Basic …\"",
                                                           nullptr,
                                                           CODEDRIFTD_OPT_STRING,
                                                           CODEDRIFTD_OPT_SECRET,
                                                           1,
                                                           4096,
                                                           nullptr};

inline constexpr codedriftd_option kHeadersOption = {
    "headers", "more headers, each \"Name: value\"", nullptr, CODEDRIFTD_OPT_STRING_LIST, 0, 0, 32, nullptr};
inline constexpr codedriftd_option kHeadersFileOption = {
    "headers_file",
    "a file closed to others with more headers, one a line: for keys and tenants",
    nullptr,
    CODEDRIFTD_OPT_STRING,
    0,
    1,
    4096,
    nullptr};

/// An error, which begins with the option's name, for a file of these options that cannot be used, and for half of
/// mutual TLS. Empty: not configured.
Checked check_tls_options(const std::string& ca_file, const std::string& client_cert_file,
                          const std::string& client_key_file);

/// How a receiver is reached.
struct Connection {
  std::string url;
  Millis timeout{15'000};  ///< for one attempt, everything included
  std::string ca_file;     ///< empty: the system's
  std::string client_cert_file, client_key_file;
  Secret authorization;             ///< the header's value; empty: none
  std::vector<HttpHeader> headers;  ///< more of them
  Mask mask;                        ///< takes the secrets out of text
};

/// From what open() is given. An error, which repeats no secret, for a URL that may not be called, a file that cannot
/// be used, and half of mutual TLS. Of the URL, which may be a secret, only the host is ever shown.
Result<Connection> read_connection(const Json& config);
/// The object of the options; an error if it is none.
Result<Json> read_config(std::string_view config_json);
/// A request with what the options say and this program's name. The headers begin with Content-Type, unless that is
/// empty.
HttpRequest basic_request(const Connection& connection, std::string_view method, std::string url,
                          std::string_view content_type);

}  // namespace codedriftd::http_sink
