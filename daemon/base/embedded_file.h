#pragma once
#include <string_view>

namespace codedriftd {

/// A file that was compiled in (daemon/embed_files.cmake).
struct EmbeddedFile {
  std::string_view name;  ///< without its folder
  std::string_view bytes;
};

}  // namespace codedriftd
