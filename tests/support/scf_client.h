#pragma once
#include <string>

#include "base/json_box.h"
#include "support/http_message.h"
#include "support/simulated_scf.h"

namespace codedriftd::test {

/// What a test wants to send; every part may be spoiled before it is signed, and `headers` afterwards.
struct ScfClientRequest {
  std::string region = "ap-guangzhou";
  std::string action = "GetFunctionAddress";
  std::string version = "2018-04-16";
  std::string content_type = "application/json";
  std::string service = "scf";
  std::string date{};  ///< of the scope; empty: the timestamp's
  std::string body{};
  int64_t timestamp = 0;  ///< 0: now
  ScfCredential credential = kFakeCredential;
};

/// The function "charge", as the simulation knows it, and the body that asks for it.
inline const std::string kChargeKey = "ap-guangzhou/default/charge:$LATEST";
inline const std::string kChargeBody = R"({"FunctionName":"charge"})";

/// The headers of a request signed by the daemon's own signer (scf/tc3), Host and Content-Type included.
Headers signed_headers(const ScfClientRequest& request, const std::string& host);

/// The bytes of an HTTP/1.1 POST.
std::string http_post(const Headers& headers, const std::string& body, const std::string& path = "/");

/// Sends raw bytes to 127.0.0.1:PORT and reads until the other side ends or `at_most` is over.
struct RawReply {
  std::string bytes;
  bool closed = false;  ///< an orderly end
  bool reset = false;   ///< RST
};
RawReply raw_exchange(uint16_t port, const std::string& bytes, Millis at_most = Millis{2000},
                      std::size_t enough = 1 << 20);

/// A well signed call over a connection of its own; the object `Response`, or null if there was no such answer.
Json call_cloud(const SimulatedScf& scf, const std::string& action, const Json& parameters,
                const std::string& region = "ap-guangzhou");
/// "ok", the code of the error, or "no answer".
std::string code_in(const Json& response);
/// One verb of /_control; its answer, or null unless that is 200.
Json control_cloud(const SimulatedScf& scf, const std::string& verb, const Json& parameters);

}  // namespace codedriftd::test
