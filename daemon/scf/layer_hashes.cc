#include "scf/layer_hashes.h"

#include <utility>

namespace codedriftd {

std::optional<Sha256> LayerHashes::find(const LayerName& layer, MonoTime now) const {
  const auto found = known_.find(layer);
  if (found == known_.end() || now >= found->second.until) return std::nullopt;
  return found->second.sha256;
}

void LayerHashes::add(LayerName layer, const Sha256& sha256, MonoTime now) {
  while (!by_age_.empty() && (by_age_.size() >= kMost || now >= known_.at(by_age_.front()).until)) {
    known_.erase(by_age_.front());
    by_age_.pop_front();
  }
  // One that two polls asked for at the same time keeps its first age.
  if (known_.emplace(layer, Known{sha256, now + kKeptFor}).second) by_age_.push_back(std::move(layer));
}

void LayerHashes::clear() {
  known_.clear();
  by_age_.clear();
}

}  // namespace codedriftd
