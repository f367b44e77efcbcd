#pragma once
/// The options of an `[[alert]]` against the option table of its plugin. Pure.
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "settings/settings.h"
#include "sinks/channel.h"

namespace codedriftd {

/// What the plugin's open() is given, but for the text of secret files, which the host process reads.
struct CheckedOptions {
  std::string config_json;                                        ///< an object: configured values and defaults
  std::vector<std::pair<std::string, std::string>> secret_files;  ///< option name, path
};

/// Every mistake at once, in order of place: unknown names (with the nearest known one), wrong types, values out of
/// range or not among the choices, a secret given in clear, an option given twice (NAME and NAME_file), and, at
/// `alert`, required options that are missing.
Result<CheckedOptions, std::vector<Mistake>> check_options(const PluginInfo& plugin,
                                                           const std::map<std::string, OptionValue>& options,
                                                           const Place& alert);

/// The default of an option as a value; an error if its text does not fit the option's own type, range and choices.
Result<std::variant<std::string, int64_t, bool, std::vector<std::string>>> parse_default(const PluginOption& option);

/// The whole table for people: a line with name, version and interface, the receiver's published limit if there is one,
/// and the options.
std::string describe_plugin_table(const PluginInfo& plugin);

/// The option table for people, one option a line, in the words of the configuration: "secret_file  string  …".
std::string describe_options(const PluginInfo& plugin);

}  // namespace codedriftd
