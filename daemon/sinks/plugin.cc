#include "sinks/plugin.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/unique_fd.h"
#include "sinks/options.h"

namespace codedriftd {
namespace {

// What a table and an option of version 1.0 hold; later versions are longer.
constexpr std::size_t kTable10 = offsetof(codedriftd_sink_api, probe) + sizeof(codedriftd_sink_api::probe);
constexpr std::size_t kOption10 = offsetof(codedriftd_option, choices) + sizeof(codedriftd_option::choices);
constexpr uint32_t kMaxOptions = 64;
constexpr uint32_t kMaxStride = 4096;

Error failed(std::string_view path) { return Error{fmt::format("{}: {}", path, std::strerror(errno))}; }

Checked check_owner(const std::string& path, const struct stat& info) {
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return Error{fmt::format("{}: belongs to user {}, who could run code here as user {}; chown it to root", path,
                             info.st_uid, ::geteuid())};
  }
  if ((info.st_mode & 022) != 0) {
    return Error{
        fmt::format("{}: its mode {:04o} lets others change it; chmod go-w {}", path, info.st_mode & 07777, path)};
  }
  return Done{};
}

/// Whoever may rename a folder further up may put another one in its place. In a folder with the sticky bit (/tmp)
/// others may not.
Checked check_parents(std::string folder) {
  while (folder != "/") {
    const std::size_t slash = folder.rfind('/');
    folder = slash == 0 ? "/" : folder.substr(0, slash);
    struct stat info {};
    if (::lstat(folder.c_str(), &info) != 0) return failed(folder);
    if ((info.st_mode & S_ISVTX) != 0 && (info.st_uid == 0 || info.st_uid == ::geteuid())) continue;
    if (auto owner = check_owner(folder, info); !owner) return owner;
  }
  return Done{};
}

/// Opens the file, having checked it, its folder and the folders above.
Result<UniqueFd> open_checked(const std::string& path) {
  if (!path.starts_with('/')) return Error{fmt::format("{}: the path of a plugin must be absolute", path)};
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
  if (!resolved) return failed(path);
  const std::string real = resolved.get();
  const std::size_t slash = real.rfind('/');
  const std::string folder = slash == 0 ? "/" : real.substr(0, slash);
  const UniqueFd folder_fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder_fd.valid()) return failed(folder);
  UniqueFd file(::openat(folder_fd.get(), real.c_str() + slash + 1, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return failed(real);
  struct stat info {};
  if (::fstat(folder_fd.get(), &info) != 0) return failed(folder);
  if (auto owner = check_owner(folder, info); !owner) return owner.error();
  if (auto parents = check_parents(folder); !parents) return parents.error();
  if (::fstat(file.get(), &info) != 0) return failed(real);
  if (!S_ISREG(info.st_mode)) return Error{fmt::format("{}: is not a regular file", real)};
  if (auto owner = check_owner(real, info); !owner) return owner.error();
  return file;
}

/// A text of the table, of at most `most` bytes.
Result<std::string> text_of(const char* text, std::size_t most, std::string_view what) {
  if (text == nullptr) return Error{fmt::format("{} is missing", what)};
  const std::size_t length = ::strnlen(text, most + 1);
  if (length > most) return Error{fmt::format("{} is longer than {} bytes", what, most)};
  return std::string(text, length);
}

bool is_name(std::string_view name, std::string_view more) {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
  });
}

Result<PluginOption> check_option(const codedriftd_option& from) {
  PluginOption to;
  auto name = text_of(from.name, 32, "an option's name");
  if (!name) return name.error();
  to.name = *name;
  if (!is_name(to.name, "_") || to.name[0] < 'a')
    return Error{fmt::format("\"{}\" is not a name for an option", to.name)};
  const auto wrong = [&](std::string_view what) { return Error{fmt::format("option {}: {}", to.name, what)}; };
  auto help = text_of(from.help, 200, "the help text");
  if (!help) return wrong(help.error().message);
  to.help = *help;
  if (from.type < CODEDRIFTD_OPT_STRING || from.type > CODEDRIFTD_OPT_STRING_LIST) {
    return wrong(fmt::format("its type {} is not known here; the plugin needs a newer codedriftd", from.type));
  }
  to.type = static_cast<OptionType>(from.type);
  to.required = (from.flags & CODEDRIFTD_OPT_REQUIRED) != 0;
  to.secret = (from.flags & CODEDRIFTD_OPT_SECRET) != 0;
  to.in_file = (from.flags & CODEDRIFTD_OPT_FILE) != 0;
  if ((to.secret || to.in_file) && to.type != OptionType::string) return wrong("only a string can be read from a file");
  if (from.min > from.max) return wrong("its least value is above its greatest");
  if (from.min != 0 || from.max != 0) to.min = from.min, to.max = from.max;
  if (from.choices != nullptr) {
    auto choices = text_of(from.choices, 1000, "the list of choices");
    if (!choices) return wrong(choices.error().message);
    for (std::string_view rest = *choices; !rest.empty();) {
      const std::size_t bar = std::min(rest.find('|'), rest.size());
      to.choices.emplace_back(rest.substr(0, bar));
      rest.remove_prefix(std::min(bar + 1, rest.size()));
    }
  }
  if (from.default_value != nullptr) {
    auto text = text_of(from.default_value, 1000, "the default");
    if (!text) return wrong(text.error().message);
    if (to.secret) return wrong("a secret has no default");
    to.default_value = *text;
    if (auto value = parse_default(to); !value) return wrong(value.error().message);
  }
  return to;
}

Checked check_options_table(const codedriftd_sink_api& api, PluginInfo& info) {
  if (api.option_count == 0) return Done{};
  if (api.options == nullptr) return Error{"it counts options but has none"};
  if (api.option_count > kMaxOptions)
    return Error{fmt::format("{} options; {} are allowed", api.option_count, kMaxOptions)};
  if (api.option_size < kOption10 || api.option_size > kMaxStride ||
      api.option_size % alignof(codedriftd_option) != 0) {
    return Error{fmt::format("option_size is {}; it should be sizeof(codedriftd_option), {} in version 1.0",
                             api.option_size, kOption10)};
  }
  const char* at = reinterpret_cast<const char*>(api.options);
  for (uint32_t i = 0; i < api.option_count; ++i, at += api.option_size) {
    // Its stride is the plugin's: an option of a later minor version is longer than ours, one of an earlier one
    // shorter.
    codedriftd_option option{};
    std::memcpy(&option, at, std::min<std::size_t>(api.option_size, sizeof option));
    auto checked = check_option(option);
    if (!checked) return checked.error();
    for (const PluginOption& other : info.options) {
      if (other.name == checked->name) return Error{fmt::format("two options are called {}", other.name)};
    }
    info.options.push_back(std::move(*checked));
  }
  for (const PluginOption& one : info.options) {
    if (!one.secret && !one.in_file) continue;
    for (const PluginOption& other : info.options) {
      if (other.name == one.name + "_file")
        return Error{fmt::format("the option {0} can be given as {0}_file, which is another option's name", one.name)};
    }
  }
  return Done{};
}

}  // namespace

Result<PluginInfo> check_table(const codedriftd_sink_api* api) {
  if (api == nullptr) {
    return Error{fmt::format("the plugin says it cannot work with version {}.{} of the plugin interface",
                             CODEDRIFTD_SINK_ABI_MAJOR, CODEDRIFTD_SINK_ABI_MINOR)};
  }
  if (api->struct_size < kTable10 || api->struct_size > 65'536) {
    return Error{fmt::format("struct_size is {}; it should be sizeof(codedriftd_sink_api), {} in version 1.0",
                             api->struct_size, kTable10)};
  }
  PluginInfo info;
  auto name = text_of(api->name, 32, "the plugin's name");
  if (!name) return name.error();
  info.name = *name;
  if (!is_name(info.name, "_-"))
    return Error{fmt::format("\"{}\" is not a name for a plugin: [a-z0-9_-]{{1,32}}", info.name)};
  auto version = text_of(api->version, 64, "the plugin's version");
  if (!version) return version.error();
  info.version = *version;
  info.abi_minor = api->abi_minor;
  info.alert_schema = api->alert_schema;
  if (info.alert_schema == 0) return Error{"alert_schema is 0; the oldest alert there is has version 1"};
  info.per_minute = api->per_minute;
  info.burst = api->burst;
  if (api->open == nullptr || api->deliver == nullptr || api->close == nullptr) {
    return Error{"open, deliver or close is missing"};
  }
  info.can_probe = api->probe != nullptr;
  if (auto options = check_options_table(*api, info); !options) return options.error();
  return info;
}

Result<LoadedPlugin> load_plugin(const std::string& path) {
  auto file = open_checked(path);
  if (!file) return file.error();
  const std::string opened = fmt::format("/proc/self/fd/{}", file->get());
  void* library = ::dlopen(opened.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::string why = ::dlerror();
    if (why.starts_with(opened)) why.erase(0, why.find_first_not_of(": ", opened.size()));
    return Error{fmt::format("{}: cannot be loaded: {}", path, why)};
  }
  // Open for good, like the library: the linker knows it by this name, which must not come to mean another file.
  file->release();
  // A plain cast from void* to a function pointer is what POSIX promises to work.
  const auto entry = reinterpret_cast<codedriftd_sink_entry_fn>(::dlsym(library, CODEDRIFTD_SINK_ENTRY_NAME));
  if (entry == nullptr) {
    return Error{fmt::format("{}: is not an alert plugin, it does not define {}", path, CODEDRIFTD_SINK_ENTRY_NAME)};
  }
  LoadedPlugin loaded;
  loaded.api = entry(CODEDRIFTD_SINK_ABI_MINOR);
  auto info = check_table(loaded.api);
  if (!info) return Error{fmt::format("{}: {}", path, info.error().message)};
  loaded.info = std::move(*info);
  return loaded;
}

}  // namespace codedriftd
