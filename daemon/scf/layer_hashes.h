#pragma once
#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/sha256.h"

namespace codedriftd {

struct LayerName {
  std::string account, region, name;
  int64_t version = 0;

  friend auto operator<=>(const LayerName&, const LayerName&) = default;
};

/// The hashes of versions of layers, which are meant never to change: each is asked for once an hour, so that one that
/// did is seen. Pure. Bounded: beyond `kMost`, the oldest is forgotten.
class LayerHashes {
 public:
  static constexpr std::size_t kMost = 4096;
  static constexpr Millis kKeptFor{3'600'000};

  std::optional<Sha256> find(const LayerName& layer, MonoTime now) const;
  void add(LayerName layer, const Sha256& sha256, MonoTime now);
  void clear();
  std::size_t size() const { return known_.size(); }

 private:
  struct Known {
    Sha256 sha256;
    MonoTime until;
  };
  std::map<LayerName, Known> known_;
  std::deque<LayerName> by_age_;  ///< of known_, the oldest first
};

}  // namespace codedriftd
