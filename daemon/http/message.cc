#include "http/message.h"

#include <algorithm>

namespace codedriftd {

std::string_view HttpResponse::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const HttpHeader& h) { return h.name == name; });
  return found == headers.end() ? std::string_view{} : std::string_view(found->value);
}

std::string_view to_string(HttpFailure failure) {
  switch (failure) {
    case HttpFailure::none:
      return "none";
    case HttpFailure::timeout:
      return "timeout";
    case HttpFailure::network:
      return "network";
    case HttpFailure::tls:
      return "tls";
    case HttpFailure::too_large:
      return "too_large";
    case HttpFailure::protocol:
      return "protocol";
    case HttpFailure::cancelled:
      return "cancelled";
    case HttpFailure::refused:
      return "refused";
    case HttpFailure::unusable:
      return "unusable";
  }
  return "network";
}

}  // namespace codedriftd
