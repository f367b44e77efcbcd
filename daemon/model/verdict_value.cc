/// How to speak of what is looked at beside code: layers, aliases, images.
#include <fmt/format.h>

#include "base/text.h"
#include "model/kinds.h"
#include "model/verdict_events.h"

namespace codedriftd {
namespace {

/// As a sentence has it; the hash of the whole where the text is not known. A route has words of its own: in quotes.
std::string value_words(std::string_view text, const std::optional<Sha256>& hash, bool quoted) {
  if (text.empty()) return short_hash(hash);
  const std::string words = clean_utf8(words_of_value(text), 300);
  return quoted ? fmt::format("\"{}\"", words) : words;
}

}  // namespace

const KindWords& words_for(const Target& target) {
  static constexpr KindWords kCode{"code", "run", "runs", "ran"}, kImage{"image", "run", "runs", "ran"},
      kLayers{"layer list", "have", "has", "had"}, kRoute{"route", "have", "has", "had"};
  switch (kind_of_qualifier(target.qualifier)) {
    case TargetKind::layers:
      return kLayers;
    case TargetKind::image:
      return kImage;
    case TargetKind::alias:
      return kRoute;
    case TargetKind::code:
      break;
  }
  return kCode;
}

std::string_view drift_kind(const Target& target, bool again) {
  switch (kind_of_qualifier(target.qualifier)) {
    case TargetKind::layers:
      return kLayersKind;
    case TargetKind::alias:
      return kAliasKind;
    case TargetKind::code:
    case TargetKind::image:
      break;
  }
  return again ? "drift.changed" : "drift.detected";
}

std::string value_summary(const Scene& scene, const std::optional<Sha256>& previous) {
  const Target& target = scene.target;
  const bool layers = kind_of_qualifier(target.qualifier) == TargetKind::layers;
  const std::string what =
      layers ? fmt::format("the layers of {}", target.function)
             : fmt::format("the alias {} of {}", target.qualifier.substr(kAliasPrefix.size()), target.function);
  const std::string now = value_words(scene.value, scene.state.live, !layers);
  const std::string tail = scene.state.accepted
                               ? fmt::format("that is neither accepted nor announced; the accepted {} is {}",
                                             words_for(target).noun, short_hash(scene.state.accepted))
                               : std::string("nobody has accepted either");
  if (!previous) {
    return fmt::format("{}: {} {} {}; {}.", target.address(), what, layers ? "are" : "leads to", now, tail);
  }
  return fmt::format("{}: {} changed, from {} to {}; {}.", target.address(), what,
                     value_words(scene.value_before, previous, !layers), now, tail);
}

}  // namespace codedriftd
