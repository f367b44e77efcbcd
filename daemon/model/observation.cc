#include "model/observation.h"

namespace codedriftd {

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::observed:
      return "observed";
    case Outcome::missing:
      return "missing";
    case Outcome::updating:
      return "updating";
    case Outcome::denied:
      return "denied";
    case Outcome::failed:
      return "failed";
  }
  return "failed";
}

std::optional<Outcome> parse_outcome(std::string_view name) {
  for (const Outcome outcome :
       {Outcome::observed, Outcome::missing, Outcome::updating, Outcome::denied, Outcome::failed}) {
    if (name == to_string(outcome)) return outcome;
  }
  return std::nullopt;
}

}  // namespace codedriftd
