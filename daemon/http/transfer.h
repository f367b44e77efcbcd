#pragma once
/// Private to http/: one request on its way, around one libcurl easy handle that is used again and again.
#include <curl/curl.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/url.h"
#include "http/message.h"
#include "http/proxy.h"

namespace codedriftd {

/// What every `timeout` says, whoever noticed it.
inline constexpr std::string_view kTooLate = "no whole answer within the deadline";
inline constexpr std::string_view kStalled = "hardly anything came for a while";
/// What every `cancelled` says.
inline constexpr std::string_view kToldToStop = "told to stop";

/// What a request is sent with beside what it says itself.
struct Route {
  const Proxy* proxy = nullptr;  ///< nullptr: directly. Lives as long as the client
  uint64_t file_generation = 0;  ///< another number: the files it names are read again
};

class Transfer {
 public:
  using Callback = std::function<void(HttpResponse)>;

  /// `share` holds the TLS sessions; it must outlive this. Throws std::runtime_error if libcurl has no handle to give.
  explicit Transfer(CURLSH* share);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// Takes a checked request. Only options that differ from the request before are set again.
  void prepare(HttpRequest request, const Url& url, const Route& route, Callback done, MonoTime now);
  /// Where the name that has to be looked up (the URL's or the proxy's) is; before libcurl carries it. `addresses` are
  /// as Lookup has them.
  void set_addresses(const std::vector<std::string>& addresses);
  /// The host and port that are connected to; the host is empty if it is an address or `localhost`, and needs no
  /// lookup.
  const std::string& name_to_look_up() const { return name_; }
  /// The answer, after libcurl said `code`; for an end of our own making see `abandon`.
  HttpResponse finish(CURLcode code, MonoTime now);
  HttpResponse abandon(HttpFailure failure, std::string_view text, MonoTime now);

  /// Wipes what was sent as headers: signatures and tokens. Only while libcurl does not carry it.
  void drop_headers();
  /// It must not be used again: libcurl keeps parts of a URL in places of its own until its handle is gone.
  bool holds_secret_url() const { return request_.secret_url; }

  CURL* handle() const { return easy_; }
  MonoTime deadline() const { return deadline_; }
  Callback take_callback() { return std::move(done_); }

  std::size_t position = 0;     ///< in the engine's list of transfers in flight
  uint64_t waits_for_name = 0;  ///< the number of the lookup it waits for; 0: none, libcurl carries it

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  bool take_header(std::string_view line);
  bool take_body(std::string_view piece);
  void set_method();
  void set_proxy();
  void set_tls();
  void set_headers();
  HttpFailure failure_of(CURLcode code) const;
  HttpResponse close(MonoTime now);

  CURL* easy_;
  curl_slist* header_lines_ = nullptr;
  curl_slist* addresses_ = nullptr;
  HttpRequest request_;
  HttpResponse response_;
  Callback done_;
  std::string origin_;
  std::string name_;  ///< see name_to_look_up
  uint16_t name_port_ = 0;
  Route route_;
  bool closes_ = false;  ///< its connection is not to be used again
  bool new_connection_ = false;
  bool fresh_ = true;  ///< no request before: every option has to be set
  MonoTime started_{}, deadline_{};
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  const char* over_cap_ = nullptr;  ///< which cap was hit
  bool had_enough_ = false;         ///< on_body said so
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace codedriftd
