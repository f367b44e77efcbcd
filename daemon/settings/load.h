#pragma once
/// Reads the configuration; finds all its mistakes at once.
#include <string>
#include <vector>

#include "base/result.h"
#include "settings/settings.h"

namespace codedriftd {

/// Reads `file` and what it includes. Throws nothing for bad input: every mistake of every file is in the error, in
/// order of file and line.
Result<Settings, std::vector<Mistake>> load_settings(const std::string& file);

/// The same for a text that is not a file: `name` stands for it in mistakes, and `include` is not followed.
Result<Settings, std::vector<Mistake>> load_settings_text(const std::string& name, std::string text);

}  // namespace codedriftd
