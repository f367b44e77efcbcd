#pragma once
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#include "base/clock.h"

namespace codedriftd {

/// A bell that one thread waits for and others ring. A ring while nobody waits is remembered.
class Bell {
 public:
  void ring() {
    {
      std::lock_guard guard(mutex_);
      rung_ = true;
    }
    wake_.notify_all();
  }
  /// Returns when rung, when `stop` was requested, or after `timeout`; true if it was rung. Takes the ring away.
  bool wait_for(std::stop_token stop, Millis timeout) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, timeout, [this] { return rung_; });
    return std::exchange(rung_, false);
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool rung_ = false;
};

}  // namespace codedriftd
