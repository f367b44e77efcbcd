#include "commands/files/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <system_error>

#include "base/text.h"
#include "base/unique_fd.h"

namespace codedriftd {
namespace {

/// Hands over `path` piece by piece until `take` says no more.
Checked read_pieces(const std::string& path, const std::function<bool(std::string_view)>& take) {
  const auto failed = [&](int error) {
    return Error{
        fmt::format("{}: cannot be read: {}", harmless(clean_utf8(path, 300)), std::generic_category().message(error))};
  };
  UniqueFd opened;
  int fd = STDIN_FILENO;
  if (path != "-") {
    opened = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!opened.valid()) return failed(errno);
    fd = opened.get();
  }
  std::array<char, 64 * 1024> buffer;  // NOLINT: read() fills it
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(errno);
    if (got == 0 || !take({buffer.data(), static_cast<std::size_t>(got)})) return Done{};
  }
}

}  // namespace

Result<std::string> read_input(const std::string& path, std::size_t most) {
  std::string text;
  const auto read = read_pieces(path, [&](std::string_view piece) {
    text += piece;
    return text.size() <= most;
  });
  if (!read) return read.error();
  if (text.size() > most)
    return Error{fmt::format("{}: is larger than {} MiB", harmless(clean_utf8(path, 300)), most / 1024 / 1024)};
  return text;
}

Result<Sha256> zip_sha256(const std::string& path) {
  Sha256Stream stream;
  std::string beginning;
  const auto read = read_pieces(path, [&](std::string_view piece) {
    if (beginning.size() < 4) beginning += piece.substr(0, 4 - beginning.size());
    stream.add(piece);
    return true;
  });
  if (!read) return read.error();
  // A local file header, or the end of an archive without files.
  if (beginning != std::string_view("PK\x03\x04", 4) && beginning != std::string_view("PK\x05\x06", 4))
    return Error{
        fmt::format("{}: is not a zip file; name the package that is deployed", harmless(clean_utf8(path, 300)))};
  return stream.digest();
}

}  // namespace codedriftd
