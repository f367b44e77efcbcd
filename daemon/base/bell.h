#pragma once
#include <condition_variable>
#include <stop_token>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"

namespace codedriftd {

/// A bell that one thread waits for and others ring. A ring while nobody waits is remembered.
class Bell {
 public:
  void ring() {
    {
      MutexLock lock(mutex_);
      rung_ = true;
    }
    wake_.notify_all();
  }
  /// Returns when rung, when `stop` was requested, or after `timeout`; true if it was rung. Takes the ring away.
  bool wait_for(std::stop_token stop, Millis timeout) {
    MutexLock lock(mutex_);
    wake_.wait_for(mutex_, stop, timeout, [this]() REQUIRES(mutex_) { return rung_; });
    return std::exchange(rung_, false);
  }

 private:
  Mutex mutex_;
  std::condition_variable_any wake_;
  bool rung_ GUARDED_BY(mutex_) = false;
};

}  // namespace codedriftd
