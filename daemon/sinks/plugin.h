#pragma once
/// Loading a plugin into this process. Linked into codedriftd-sinkhost alone: dlopen runs the plugin's code.
#include <string>

#include "base/result.h"
#include "codedriftd/sink.h"
#include "sinks/channel.h"

namespace codedriftd {

struct LoadedPlugin {
  const codedriftd_sink_api* api = nullptr;  ///< valid for good: a plugin is never unloaded, the process ends instead
  PluginInfo info;                           ///< its table, checked and copied
};

/// Loads the plugin in the file `path`. Refused, each with a text that says the remedy:
///  - a path that is not absolute, no such file, not a regular file;
///  - a file, or the folder it is in (symbolic links followed), that is owned by neither root nor the user of this
///  process,
///    or that group or others can write to;
///  - what the dynamic linker refuses; no entry function codedriftd_sink_v1;
///  - a table that breaks the rules of sink.h, see check_table.
/// The file that was checked is the one that is loaded, whatever happens to the path meanwhile.
Result<LoadedPlugin> load_plugin(const std::string& path);

/// The table as the daemon knows it, or the first rule of sink.h that it breaks. Reads nothing beyond what its sizes
/// say.
Result<PluginInfo> check_table(const codedriftd_sink_api* api);

}  // namespace codedriftd
