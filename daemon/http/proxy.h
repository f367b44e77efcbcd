#pragma once
/// The proxy that the environment asks for. Read here and not by libcurl, which repeats a setting it cannot read word
/// for word, password and all.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/url.h"

namespace codedriftd {

struct Proxy {
  std::string url;  ///< "SCHEME://HOST[:PORT]": http, https, socks4a or socks5h. Nothing secret
  std::string host;
  uint16_t port = 0;
  bool address = false;  ///< the host is an address
  std::string user;      ///< percent-encoded, as libcurl takes it; empty: none
  Secret password;       ///< the same
};

/// Pure once made.
///
/// https_proxy or HTTPS_PROXY is for https, http_proxy (in small letters only, as everywhere) for http, all_proxy or
/// ALL_PROXY for both where there is none. no_proxy or NO_PROXY is a list, separated by commas or spaces, of what is
/// asked directly: `*` everything; `NAME`, `.NAME` and `*.NAME` the name and all below it; an address; a block of
/// addresses, `10.0.0.0/8`. This machine is never asked through a proxy.
class ProxySettings {
 public:
  using Variables = std::function<const char*(const char* name)>;
  explicit ProxySettings(const Variables& variables);
  /// As std::getenv has them now.
  static ProxySettings of_environment();

  /// The proxy for `url`; nullptr: it is asked directly. An error, which names the variable and nothing of its value,
  /// if the setting cannot be read: going direct then would be against orders.
  Result<const Proxy*> proxy_for(const Url& url) const;
  /// That error, with the reason and what would be right, for each variable that cannot be read.
  std::vector<std::string> problems() const;

 private:
  struct Setting {
    std::string variable;
    Result<Proxy> proxy;
  };
  bool direct(const Url& url) const;

  std::optional<Setting> http_, https_, all_;
  std::vector<std::string> direct_;  ///< the parts of no_proxy
};

}  // namespace codedriftd
