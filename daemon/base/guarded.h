#pragma once
#include <mutex>
#include <utility>

#include "base/thread_annotations.h"

namespace codedriftd {

template <typename T>
class Locked;

/// A value that threads share, reachable only through its lock.
///
///   Guarded<std::deque<Work>> queue;
///   queue.lock()->push_back(work);                 // locked for the expression
///   Locked items(queue); items->pop_front();       // locked for the scope
///
/// clang's -Wthread-safety knows what a Locked holds: to lock the same value once more in its scope, which would wait
/// for ever, does not compile, and GUARDED_BY(queue) and REQUIRES(queue) mean something.
template <typename T>
class CAPABILITY("guarded value") Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  /// What lock() returns. It is for the expression it stands in; who needs the value for longer makes a Locked.
  class Access {
   public:
    T* operator->() { return value_; }
    T& operator*() { return *value_; }

   private:
    friend class Guarded;
    Access(std::mutex& mutex, T& value) : lock_(mutex), value_(&value) {}
    std::unique_lock<std::mutex> lock_;
    T* value_;
  };

  Access lock() EXCLUDES(this) { return Access(mutex_, value_); }
  /// A copy, taken under the lock.
  T copy() const EXCLUDES(this) {
    std::lock_guard guard(mutex_);
    return value_;
  }

 private:
  friend class Locked<T>;
  mutable std::mutex mutex_;
  T value_{};
};

/// A guarded value, locked for the scope. The value must outlive it.
template <typename T>
class SCOPED_CAPABILITY Locked {
 public:
  explicit Locked(Guarded<T>& guarded) ACQUIRE(guarded) : lock_(guarded.mutex_), value_(&guarded.value_) {}
  ~Locked() RELEASE() {}
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

  T* operator->() { return value_; }
  T& operator*() { return *value_; }

 private:
  std::lock_guard<std::mutex> lock_;
  T* value_;
};

/// The rule that one thread alone touches something, for what needs no lock: members are GUARDED_BY it, functions
/// REQUIRE it, and the thread's entrance says `assume()`. The compiler then holds every other function to leaving it
/// alone; that the entrance is the one thread's is for its author to see to.
class CAPABILITY("thread") ThreadRole {
 public:
  /// From here to the end of the function, this is that thread.
  void assume() const ASSERT_CAPABILITY(this) {}
};

}  // namespace codedriftd
