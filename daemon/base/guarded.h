#pragma once
#include <condition_variable>
#include <mutex>
#include <utility>

namespace codedriftd {

/// A value that threads share, reachable only through its lock.
///
///   Guarded<std::deque<Work>> queue;
///   queue.lock()->push_back(work);            // locked for the expression
///   auto q = queue.lock(); q->pop_front();    // locked for the scope
template <typename T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  class Lock {
   public:
    T* operator->() { return value_; }
    T& operator*() { return *value_; }
    /// For waiting on a std::condition_variable_any.
    std::unique_lock<std::mutex>& mutex() { return lock_; }

   private:
    friend class Guarded;
    Lock(std::mutex& mutex, T& value) : lock_(mutex), value_(&value) {}
    std::unique_lock<std::mutex> lock_;
    T* value_;
  };

  Lock lock() { return Lock(mutex_, value_); }
  /// A copy, taken under the lock.
  T copy() const {
    std::lock_guard guard(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace codedriftd
