#pragma once
/// The values of a function that are watched beside its code (TargetKind): each has a canonical text, and the SHA-256
/// of that text is what is recorded, compared and accepted; of an image it is the digest itself. Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"

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
  std::string split;  ///< "10%" or the rule in the cloud's words (harmless, one line); empty exactly if `other` is

  friend bool operator==(const AliasRoute&, const AliasRoute&) = default;
};

/// Canonical texts: equal exactly if the values are. Layers in the order in which they count, one line each,
/// "NAME:VERSION sha256:HEX"; "no layers" without. An alias in one line: "version 7", "version 7, 10% to version 8".
/// An image is "sha256:HEX", its digest. REQUIRES: names of layers and versions are without white space.
std::string text_of(const std::vector<UsedLayer>& layers);
std::string text_of(const AliasRoute& route);

/// The digest that an image's reference names ("HOST/REPO:TAG@sha256:HEX"); nullopt: it names none.
std::optional<Sha256> image_digest(std::string_view image_uri);

}  // namespace codedriftd
