#pragma once
/// The real daemon with many functions, between a simulated API, which is a process of its own, and a receiver.
#include <map>
#include <memory>
#include <string>

#include "support/process.h"
#include "support/receiver.h"
#include "support/temp_dir.h"

namespace codedriftd::test {

struct PlaceOptions {
  unsigned functions = 10'000;  ///< bench_target(0) …, named one by one
  std::string interval = "1h";
  uint16_t port = 0;            ///< of the status page; 0: none
  unsigned patience_s = 3'600;  ///< the simulated API ends after that
};

class Place {
 public:
  /// The API answers, and the configuration is written. Throws std::runtime_error.
  explicit Place(const PlaceOptions& options);

  /// bench/rig.h's start_daemon() with it.
  std::unique_ptr<Child> start(std::map<std::string, std::string> env = {}) const;
  /// Every function was polled at least once. Throws std::runtime_error, with what `daemon` wrote, if that takes longer
  /// than two minutes.
  void wait_until_polled(Child& daemon) const;

  const TempDir& dir() const { return dir_; }
  const std::string& config() const { return config_; }

 private:
  TempDir dir_;
  unsigned functions_;
  std::unique_ptr<Child> api_;
  Receiver receiver_;
  std::string config_;
};

}  // namespace codedriftd::test
