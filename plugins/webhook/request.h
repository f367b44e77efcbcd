#pragma once
/// What the webhook plugin sends: pure functions.
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "http/client.h"
#include "mask.h"

namespace codedriftd::webhook {

/// The plugin's options, checked.
struct Options {
  std::string url;
  std::vector<Secret> keys;  ///< the bytes to sign with; empty: unsigned
  Millis timeout{15'000};    ///< for one attempt, everything included
  std::string ca_file;       ///< empty: the system's
  Mask mask;                 ///< takes the secrets out of text
};
/// From what open() is given. An error, which repeats no secret, for a URL that may not be called and for a secret that
/// is not in the form of Standard Webhooks.
Result<Options> read_options(std::string_view config_json);

/// The keys in a secret file's text: one or more "whsec_BASE64" of 24 to 64 bytes, separated by white space. All of
/// them sign, so that a receiver accepts either while a secret is being replaced.
Result<std::vector<Secret>> decode_secrets(std::string_view text);

/// True for what may stand in the signed text between dots: [A-Za-z0-9_-]{1,64}.
bool is_message_id(std::string_view id);

/// The structured CloudEvent 1.0 for an alert, in which `data` is the alert byte by byte. An error if `alert` is no
/// alert.
Result<std::string> cloud_event(std::string_view alert);

/// The value of webhook-signature (Standard Webhooks, v1): one signature for each key. `timestamp` is in Unix seconds.
std::string signature(const std::vector<Secret>& keys, std::string_view id, int64_t timestamp, std::string_view body);

/// The whole request, signed for `now`. Its deadline is the option's timeout or `left`, the shorter.
HttpRequest make_request(const Options& options, std::string_view id, std::string body, WallTime now, Millis left);

}  // namespace codedriftd::webhook
