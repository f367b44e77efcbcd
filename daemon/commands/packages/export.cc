#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ostream>
#include <system_error>
#include <utility>

#include "base/print.h"
#include "base/text.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "commands/packages/contents.h"
#include "commands/packages/find.h"
#include "commands/packages/verbs.h"
#include "commands/reach/reading.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kExportUsage = R"(codedriftd [--config FILE] packages export TARGET|HASH FILE [--force]

Writes a package that is kept to a new file, which only its owner can read: a
package may hold keys. Its bytes are held against its hash first.

  TARGET   its live package
  HASH     64 hex digits: "codedriftd packages list --json" has them

Only root and the daemon's own user may: the packages are theirs. It needs no
daemon.

)";
constexpr std::string_view kExportAfter = R"(
Exit code: 0 written; 1 it is not kept, is not what its hash says, or FILE cannot
be written or is there; 64 wrong usage; 78 wrong configuration.
)";

/// Which package is meant, if it is kept.
Result<PackageRow, NothingDone> kept_package(Database& db, const Settings& settings, const std::string& name,
                                             WallTime now) {
  auto code = Sha256::from_hex(name);
  if (!code) {
    const auto target = target_named(db, name, now);
    if (!target) return target.error();
    const auto live = hash_named(db, *target, {SideName::Kind::live, "live"});
    if (!live) return live.error();
    code = *live;
  }
  auto package = packages::find(db, *code);
  if (!package) return NothingDone{"nothing", fmt::format("the package of {} was never looked into", code->hex())};
  if (!package->kept && !package->why.empty())
    return NothingDone{"nothing", fmt::format("the package of {} is not kept: it is {}: {}", code->hex(),
                                              to_string(package->state), package->why)};
  if (!package->kept) return NothingDone{"nothing", why_not_kept(settings, *code)};
  return std::move(*package);
}

Error file_trouble(const std::string& path, std::string_view what, int error) {
  return {fmt::format("{}: cannot be {}: {}", path, what, std::generic_category().message(error))};
}

Checked copy_all(const UniqueFd& from, const UniqueFd& to, const std::string& path) {
  constexpr std::size_t kPiece = std::size_t{256} * 1024;
  std::string piece(kPiece, '\0');
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(from.get(), piece.data(), piece.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{fmt::format("the package cannot be read: {}", std::generic_category().message(errno))};
    if (got == 0) break;
    at += got;
    for (std::string_view left(piece.data(), static_cast<std::size_t>(got)); !left.empty();) {
      const ssize_t put = ::write(to.get(), left.data(), left.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return file_trouble(path, "written", errno);
      left.remove_prefix(static_cast<std::size_t>(put));
    }
  }
  if (::fsync(to.get()) != 0) return file_trouble(path, "written", errno);
  return Done{};
}

/// Makes `path` with what `from` has, complete or not at all. With `force` what is there is replaced in one step.
Checked write_package(const UniqueFd& from, const std::string& path, bool force) {
  const std::string made = force ? fmt::format("{}.{}", path, random_id()) : path;
  UniqueFd to(::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!to.valid() && errno == EEXIST && !force)
    return Error{fmt::format("{}: is there already; name another file, or take --force to replace it", path)};
  if (!to.valid()) return file_trouble(made, "made", errno);
  Checked done = copy_all(from, to, made);
  if (done && force && ::rename(made.c_str(), path.c_str()) != 0) done = file_trouble(path, "replaced", errno);
  if (!done) ::unlink(made.c_str());
  return done;
}

}  // namespace

int packages_export(const std::vector<std::string>& args, const PackagesContext& context) {
  po::options_description options;
  options.add_options()("force", "replace FILE if it is there");
  po::variables_map values;
  if (!read_options(args, kExportUsage, kExportAfter, options, "WORD", values, context.out)) return EXIT_SUCCESS;
  const auto words = list_option(values, "WORD");
  if (words.size() != 2)
    throw UsageError(
        "packages export takes a TARGET or a hash, and a FILE: codedriftd packages export charge live.zip");
  const Settings settings = context.settings();
  const auto failed = [&](int code, std::string_view why) { return say(context.err, "packages export", code, why); };
  if (!may_open_kept(settings))
    return failed(EXIT_FAILURE,
                  fmt::format("the packages in {} are the daemon's own user's alone, and may hold keys: ask with sudo",
                              settings.packages_folder()));
  const auto package = read_record(
      settings, [&](Database& db) { return kept_package(db, settings, words.front(), context.clock.wall()); });
  if (!package) return failed(exit_code_of(package.error()), package.error().message);
  const auto zip = open_kept(settings, package->code, PackageFolder::Verify::yes);
  if (!zip) return failed(EXIT_FAILURE, zip.error().message);
  if (auto written = write_package(*zip, words.back(), values.contains("force")); !written)
    return failed(EXIT_FAILURE, written.error().message);
  print(context.out, "{}: the package of {}, {} bytes\n", harmless(words.back()), package->code.hex(),
        package->package_bytes);
  return EXIT_SUCCESS;
}

}  // namespace codedriftd
