#pragma once
/// Private to http/: one request on its way, around one libcurl easy handle that is used again and again.
#include <curl/curl.h>

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "http/client.h"
#include "http/url.h"

namespace codedriftd {

/// What every `timeout` says, whoever noticed it.
inline constexpr std::string_view kTooLate = "no whole answer within the deadline";

class Transfer {
 public:
  /// `share` holds the TLS sessions; it must outlive this. Throws std::runtime_error if libcurl has no handle to give.
  explicit Transfer(CURLSH* share);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// Takes a checked request. Only options that differ from the request before are set again.
  void prepare(HttpRequest request, const Url& url, HttpClient::Callback done, MonoTime now);
  /// The answer, after libcurl said `code`; for an end of our own making see `abandon`.
  HttpResponse finish(CURLcode code, MonoTime now);
  HttpResponse abandon(HttpFailure failure, std::string_view text, MonoTime now);

  /// Wipes what was sent as headers: signatures and tokens. Only while libcurl does not carry it.
  void drop_headers();

  CURL* handle() const { return easy_; }
  MonoTime deadline() const { return deadline_; }
  HttpClient::Callback take_callback() { return std::move(done_); }

  std::size_t position = 0;  ///< in the engine's list of transfers in flight

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  bool take_header(std::string_view line);
  void set_method();
  void set_tls();
  void set_headers();
  HttpFailure failure_of(CURLcode code) const;
  HttpResponse close(MonoTime now);

  CURL* easy_;
  curl_slist* header_lines_ = nullptr;
  HttpRequest request_;
  HttpResponse response_;
  HttpClient::Callback done_;
  std::string origin_;
  bool fresh_ = true;  ///< no request before: every option has to be set
  MonoTime started_{}, deadline_{};
  std::size_t header_bytes_ = 0;
  const char* over_cap_ = nullptr;  ///< which cap was hit
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace codedriftd
