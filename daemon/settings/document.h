#pragma once
/// For the .cc files of settings/ only: shows toml++.
#include <toml++/toml.h>

#include <optional>
#include <string>
#include <vector>

#include "settings/section.h"

namespace codedriftd {

/// One file, parsed.
struct Document {
  std::string name;
  std::string text;
  toml::table table;
};

/// Reads a file of at most 64 MiB. Nullopt if it cannot be read: the mistake says why.
std::optional<std::string> read_config_file(const std::string& name, Mistakes& mistakes);

/// Parses `text`. Nullopt if it is not TOML: one mistake with its place, because what comes after it cannot be trusted.
std::optional<Document> parse_document(const std::string& name, std::string text, Mistakes& mistakes);

/// The files that an `include` of the file `including` names, sorted: a pattern may match none, which is a warning; a
/// plain path is taken as it is (reading it says whether it exists). Folders are left out.
std::vector<std::string> included_files(const std::string& including, const PlacedText& pattern, Mistakes& mistakes);

}  // namespace codedriftd
