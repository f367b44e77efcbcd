#pragma once
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/message.h"
#include "scf/api.h"
#include "scf/api_error.h"

namespace codedriftd {

/// An answer that is an error.
ApiAnswer error_answer(ApiError error);
/// The same of what `code` means, with foreign text made clean.
ApiAnswer error_answer(std::string code, std::string_view message, std::string_view request_id = {});

/// What a finished HTTP request amounts to, whatever went wrong. Pure. `received`: this machine's wall clock then.
ApiAnswer answer_of(const HttpResponse& response, WallTime received);

}  // namespace codedriftd
