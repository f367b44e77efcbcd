#pragma once
/// What is wrong with an answer of the cloud, or with the way to it, whatever was asked. Pure.
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/message.h"
#include "model/observation.h"
#include "scf/api.h"

namespace codedriftd {

struct ApiError {
  PollError error;
  CodeMeaning meaning{};
};

/// What `code` means, with foreign text made clean.
ApiError api_error(std::string code, std::string_view message, std::string_view request_id = {});
/// Client.BadAnswer.
ApiError bad_answer(std::string_view message, std::string_view request_id = {});
/// An HTTP status other than 200 whose body is no error of the API.
ApiError http_status_error(int status);
/// A request that got no answer. REQUIRES: `response.failure` says why.
ApiError no_answer(const HttpResponse& response);

/// This machine's clock minus the one that wrote the answer's Date; nullopt: it has none. `received`: this machine's
/// wall clock then.
std::optional<Millis> clock_error_of(const HttpResponse& response, WallTime received);
/// A refused signature time is the clock's fault, and not the key's, where the answer's own Date shows it: what is to
/// be said instead of `error`. Nullopt: nothing else.
std::optional<ApiError> blame_clock(const PollError& error, std::optional<Millis> clock_error);

}  // namespace codedriftd
