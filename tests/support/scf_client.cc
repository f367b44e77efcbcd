#include "support/scf_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/json.h"
#include "base/unique_fd.h"
#include "cloud/tc3.h"

namespace codedriftd::test {
namespace {

/// The body of a response as JSON; null if it is none.
Json json_body(const RawReply& reply) {
  const std::size_t body = reply.bytes.find("\r\n\r\n");
  if (body == std::string::npos) return {};
  Json parsed = Json::parse(reply.bytes.substr(body + 4), nullptr, /*allow_exceptions=*/false);
  return parsed.is_object() ? parsed : Json();
}

}  // namespace

Headers signed_headers(const ScfClientRequest& request, const std::string& host) {
  const int64_t timestamp = request.timestamp != 0 ? request.timestamp : to_ms(SystemClock().wall()) / 1000;
  const std::string date = request.date.empty() ? tc3_date(timestamp) : request.date;
  const Tc3Request to_sign{.query = "", .content_type = request.content_type, .host = host, .body = request.body};
  const Sha256 key = tc3_signing_key(request.credential.secret_key, date, request.service);
  Headers headers{{"Host", host},
                  {"Content-Type", request.content_type},
                  {"Authorization",
                   tc3_authorization(request.credential.secret_id, key, timestamp, date, request.service, to_sign)},
                  {"X-TC-Action", request.action},
                  {"X-TC-Version", request.version},
                  {"X-TC-Region", request.region},
                  {"X-TC-Timestamp", std::to_string(timestamp)}};
  if (!request.credential.token.empty()) headers.emplace_back("X-TC-Token", request.credential.token);
  return headers;
}

std::string http_post(const Headers& headers, const std::string& body, const std::string& path) {
  std::string out = fmt::format("POST {} HTTP/1.1\r\n", path);
  for (const auto& [name, value] : headers) out += fmt::format("{}: {}\r\n", name, value);
  return out + fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
}

RawReply raw_exchange(uint16_t port, const std::string& bytes, Millis at_most, std::size_t enough) {
  RawReply reply;
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return reply;
  if (::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) reply.reset = errno == ECONNRESET;
  const SystemClock clock;
  const MonoTime deadline = clock.mono() + at_most;
  char chunk[65536];
  while (reply.bytes.size() < enough) {
    const auto left = std::chrono::duration_cast<Millis>(deadline - clock.mono()).count();
    pollfd wait{fd.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) <= 0) break;
    const ssize_t got = ::recv(fd.get(), chunk, sizeof chunk, 0);
    if (got <= 0) {
      reply.closed = got == 0;
      reply.reset = got < 0 && errno == ECONNRESET;
      break;
    }
    reply.bytes.append(chunk, static_cast<std::size_t>(got));
  }
  return reply;
}

Json call_cloud(const SimulatedScf& scf, const std::string& action, const Json& parameters, const std::string& region) {
  ScfClientRequest request{.region = region, .action = action, .body = json_line(parameters)};
  if (action == "DescribeEvents") {
    request.service = "cloudaudit";
    request.version = "2019-03-19";
  }
  Headers headers = signed_headers(request, fmt::format("127.0.0.1:{}", scf.port()));
  headers.emplace_back("Connection", "close");
  const Json answer = json_body(raw_exchange(scf.port(), http_post(headers, request.body), Millis{10000}));
  return answer.is_object() ? answer.value("Response", Json()) : Json();
}

std::string code_in(const Json& response) {
  if (!response.is_object()) return "no answer";
  return response.contains("Error") ? response.at("Error").value("Code", "") : "ok";
}

Json control_cloud(const SimulatedScf& scf, const std::string& verb, const Json& parameters) {
  const RawReply reply = raw_exchange(
      scf.control_port(),
      http_post({{"Host", "c"}, {"Connection", "close"}}, json_line(parameters), fmt::format("/_control/{}", verb)));
  return reply.bytes.find(" 200 ") == std::string::npos ? Json() : json_body(reply);
}

}  // namespace codedriftd::test
