#include "model/target_state.h"

namespace codedriftd {

std::string_view to_string(AcceptedSource source) {
  switch (source) {
    case AcceptedSource::first_seen:
      return "first_seen";
    case AcceptedSource::approval:
      return "approval";
    case AcceptedSource::pin:
      return "pin";
    case AcceptedSource::deploy:
      return "deploy";
    case AcceptedSource::content:
      return "content";
  }
  return "first_seen";
}

std::optional<AcceptedSource> parse_accepted_source(std::string_view name) {
  for (const AcceptedSource source : {AcceptedSource::first_seen, AcceptedSource::approval, AcceptedSource::pin,
                                      AcceptedSource::deploy, AcceptedSource::content}) {
    if (name == to_string(source)) return source;
  }
  return std::nullopt;
}

}  // namespace codedriftd
