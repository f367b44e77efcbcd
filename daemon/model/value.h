#pragma once
/// The values of a function that are watched beside its code (TargetKind): each has a canonical text, and the SHA-256
/// of that text is what is recorded, compared and accepted; of an image it is the digest itself. Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"
#include "model/target.h"

namespace codedriftd {

/// One layer as a function uses it.
struct UsedLayer {
  std::string name;
  int64_t version = 0;
  Sha256 sha256{};  ///< its CodeSha256

  friend bool operator==(const UsedLayer&, const UsedLayer&) = default;
};

/// Where an alias leads.
struct AliasRoute {
  std::string version;  ///< "7", or "$LATEST"
  /// The other version that gets a part of the calls, by weight or by what a rule matches; empty: there is none.
  std::string other;
  std::string split;  ///< what split_by_weight() or split_by_rule() says; empty exactly if `other` is

  friend bool operator==(const AliasRoute&, const AliasRoute&) = default;
};

/// The part of the calls that another version gets: "10%", or "0.1234567 of the calls" where a percentage of six digits
/// would be another weight. One line, and no two weights have the same. REQUIRES: `weight` is from 0 to 1.
std::string split_by_weight(double weight);
/// The calls that another version gets, in one line: `invoke.headers.User exact "alice"`. No two rules have the same,
/// nor a rule and a weight; what is left of one that is too long to be shown ends with its digest.
std::string split_by_rule(std::string_view key, std::string_view method, std::string_view expression);

/// Canonical texts: equal exactly if the values are, whatever names and versions hold: what is no part of an address
/// (model/target.h) stands in quotes, with escapes. Layers in the order in which they count, one line each,
/// "NAME:VERSION sha256:HEX"; "no layers" without. An alias in one line: "version 7", "version 7, 10% to version 8".
/// An image is "sha256:HEX", its digest.
std::string text_of(const std::vector<UsedLayer>& layers);
std::string text_of(const AliasRoute& route);
std::string text_of_image(const Sha256& digest);

/// A canonical text as people read it, in one line and harmless: its lines one after the other, and of each layer's
/// hash so many `digits`.
std::string words_of_value(std::string_view text, std::size_t digits = 12);

/// How to speak of what is looked at (TargetKind): "runs code", "has layer list".
struct KindWords {
  std::string_view noun, run, runs, ran;
};
const KindWords& words_for(const Target& target);

/// True of those whose hash is that of a text which says more: layers and aliases.
constexpr bool has_text(TargetKind kind) { return kind == TargetKind::layers || kind == TargetKind::alias; }

/// The digest that an image's reference names ("HOST/REPO:TAG@sha256:HEX"); nullopt: it names none.
std::optional<Sha256> image_digest(std::string_view image_uri);

}  // namespace codedriftd
