#pragma once

namespace codedriftd {

/// The deleter of a std::unique_ptr to an object of a C library that `Free` gives back.
template <auto Free>
struct FreedBy {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace codedriftd
