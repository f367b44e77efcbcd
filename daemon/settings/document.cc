#include "settings/document.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/byte_order_mark.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace codedriftd {
namespace {

constexpr std::size_t kMostBytes = 64U << 20;
// Each part of a dotted key is one level of recursion in toml++, which limits only the levels of brackets.
constexpr unsigned kMostDots = 32;

/// The line and column of the first line that holds more dots than any key needs, outside quotes and comments.
std::optional<toml::source_position> too_many_dots(std::string_view text) {
  toml::source_position at{1, 1};
  std::size_t line_start = 0;
  unsigned dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++at.line;
      line_start = i + 1;
      dots = 0;
    } else if (c == '#') {
      i = std::min(text.find('\n', i), text.size()) - 1;
    } else if (c == '.' && ++dots > kMostDots) {
      at.column = static_cast<toml::source_index>(i - line_start + 1);
      return at;
    } else if (c == '"' || c == '\'') {
      const bool block = text.substr(i, 3) == std::string(3, c);
      std::size_t end = i + (block ? 3 : 1);
      const std::string_view closing = block ? (c == '"' ? "\"\"\"" : "'''") : text.substr(i, 1);
      while (end < text.size() && (block || text[end] != '\n') && !text.substr(end).starts_with(closing)) {
        if (c == '"' && text[end] == '\\' && end + 1 < text.size() && (block || text[end + 1] != '\n')) ++end;
        if (text[end] == '\n') {
          ++at.line;
          line_start = end + 1;
        }
        ++end;
      }
      if (end >= text.size()) break;
      if (text[end] == '\n') {  // not closed: toml++ says so
        i = end - 1;
        continue;
      }
      end += closing.size();
      // Up to two quotes before the closing three belong to the text.
      for (unsigned extra = 0; block && extra < 2 && end < text.size() && text[end] == c; ++extra) ++end;
      i = end - 1;
    }
  }
  return std::nullopt;
}

std::string escape_glob(std::string_view path) {
  std::string escaped;
  for (const char c : path) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

std::optional<std::string> read_config_file(const std::string& name, Mistakes& mistakes) {
  const auto refuse = [&](std::string why) -> std::optional<std::string> {
    mistakes.add({name, 0, 0}, std::move(why));
    return std::nullopt;
  };
  // A FIFO is not waited for: a reload would hang in it.
  const UniqueFd file(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.valid()) return refuse(fmt::format("cannot be read: {}", std::strerror(errno)));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return refuse(fmt::format("cannot be read: {}", std::strerror(errno)));
  if (!S_ISREG(info.st_mode))
    return refuse(fmt::format("is {}: a configuration is read again on reload, so it has to be a regular file",
                              S_ISDIR(info.st_mode)    ? "a folder"
                              : S_ISFIFO(info.st_mode) ? "a pipe"
                              : S_ISSOCK(info.st_mode) ? "a socket"
                                                       : "a device"));
  std::string text;
  std::size_t filled = 0;
  while (true) {
    if (filled > kMostBytes) return refuse("is larger than 64 MiB; that is not a configuration");
    text.resize(std::clamp<std::size_t>(filled * 2, 64U << 10, kMostBytes + 1));
    const ssize_t got = ::read(file.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(fmt::format("cannot be read: {}", std::strerror(errno)));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  text.shrink_to_fit();
  return text;
}

std::optional<Document> parse_document(const std::string& name, std::string text, Mistakes& mistakes) {
  const auto refuse = [&](const toml::source_position& at, std::string_view why) {
    const Place place{name, std::max(1U, static_cast<unsigned>(at.line)),
                      std::max(1U, static_cast<unsigned>(at.column))};
    mistakes.add(place, fmt::format("not valid TOML: {}", clean_utf8(why)));
  };
  std::string_view document = text;
  if (document.starts_with(kByteOrderMark)) document.remove_prefix(kByteOrderMark.size());
  if (const std::optional<toml::source_position> at = too_many_dots(document)) {
    refuse(*at, fmt::format("more than {} dots outside quotes in one line; no key has that many parts", kMostDots));
    return std::nullopt;
  }
  try {
    toml::table table = toml::parse(document, std::string_view(name));
    return Document{name, std::move(text), std::move(table)};
  } catch (const toml::parse_error& error) {
    refuse(error.source().begin, error.description());
    return std::nullopt;
  }
}

std::vector<std::string> included_files(const std::string& including, const PlacedText& pattern, Mistakes& mistakes) {
  const std::size_t slash = including.rfind('/');
  const std::string folder =
      pattern.text.front() == '/' || slash == std::string::npos ? "" : including.substr(0, slash + 1);
  if (pattern.text.find_first_of("*?[") == std::string::npos) return {folder + pattern.text};

  glob_t found{};
  const int outcome = ::glob((escape_glob(folder) + pattern.text).c_str(), GLOB_NOSORT | GLOB_ERR, nullptr, &found);
  std::vector<std::string> files;
  if (outcome == 0) files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  const int error = errno;
  ::globfree(&found);
  if (outcome == GLOB_ABORTED && error != ENOENT) {
    mistakes.add(pattern.place,
                 fmt::format("'include' {} cannot be looked up: {}", in_quotes(pattern.text), std::strerror(error)));
  } else if (outcome == GLOB_NOSPACE) {
    throw std::bad_alloc();
  }
  std::erase_if(files, is_folder);
  if (files.empty() && mistakes.empty())
    mistakes.warn(pattern.place, fmt::format("'include' {} matches no file", in_quotes(folder + pattern.text)));
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace codedriftd
