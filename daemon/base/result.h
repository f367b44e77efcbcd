#pragma once
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace codedriftd {

/// Why something failed, for people.
struct Error {
  std::string message;
};

/// A value, or why there is none. For failures the caller has to decide about; what ends the work at hand throws.
template <typename T, typename E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// The value. Throws std::logic_error if there is none: asking without looking is a bug.
  T& value() & { return check(), std::get<0>(state_); }
  const T& value() const& { return check(), std::get<0>(state_); }
  T&& value() && { return check(), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// The error. REQUIRES: !ok().
  const E& error() const { return std::get<1>(state_); }

 private:
  void check() const {
    if (!ok()) throw std::logic_error("Result without a value was asked for it");
  }
  std::variant<T, E> state_;
};

struct Done {};
/// Success without a value, or why not.
using Checked = Result<Done>;

}  // namespace codedriftd
