#include "commands/packages/contents.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "commands/reach/ask.h"
#include "control/package_file.h"

namespace codedriftd {
namespace {

class NoContents final : public ContentSource {
 public:
  explicit NoContents(std::string why) : why_(std::move(why)) {}
  std::optional<std::string> content(const PackageFile&) override { return not_at_hand(why_); }

 private:
  std::string why_;
};

class FolderContents final : public ContentSource {
 public:
  explicit FolderContents(std::string path) : path_(std::move(path)) {}
  std::optional<std::string> content(const PackageFile& file) override {
    const std::string path = path_ + "/" + file.name;
    const auto failed = [&](std::string_view why) { return not_at_hand(fmt::format("{}: {}", harmless(path), why)); };
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat status {};
    if (!fd.valid() || ::fstat(fd.get(), &status) != 0)
      return failed(fmt::format("cannot be read: {}", std::generic_category().message(errno)));
    // What grew since it was hashed is not what is to be shown; a device would never end.
    if (!S_ISREG(status.st_mode) || static_cast<uint64_t>(status.st_size) != file.size)
      return failed("is not the same file as a moment ago");
    std::string text(file.size, '\0');
    std::size_t have = 0;
    while (have < text.size()) {
      const ssize_t got = ::read(fd.get(), text.data() + have, text.size() - have);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return failed("could not be read to its end");
      have += static_cast<std::size_t>(got);
    }
    return text;
  }

 private:
  std::string path_;
};

class ZipContents final : public ContentSource {
 public:
  ZipContents(UniqueFd zip, ExaminerJob job, std::string what)
      : zip_(std::move(zip)), job_(std::move(job)), what_(std::move(what)) {}
  std::optional<std::string> content(const PackageFile& file) override {
    auto text = extract(zip_.get(), file.name, file.size, job_);
    if (!text)
      return not_at_hand(fmt::format("{}: {}: {}", what_, clean_utf8(harmless(file.name), 200), text.error().message));
    return std::move(text).value();
  }

 private:
  UniqueFd zip_;
  ExaminerJob job_;
  std::string what_;
};

class DaemonContents final : public ContentSource {
 public:
  DaemonContents(const Settings& settings, const Sha256& code, const Clock& clock)
      : settings_(settings), code_(code), clock_(clock) {}
  std::optional<std::string> content(const PackageFile& file) override {
    if (over_) return std::nullopt;  // it would refuse the next one as well
    if (file.size > kMostPackageFileSent)
      return not_at_hand(
          fmt::format("files of more than {} bytes are not sent through the control socket; root and "
                      "the daemon's own user see them",
                      kMostPackageFileSent));
    const auto reply = ask_running_daemon(settings_, "packages.file",
                                          Json{{"package", code_.hex()}, {"file", file.sha256.hex()}}, clock_, {});
    if (!reply) return give_up(reply.error().message);
    if (!*reply) return give_up("no daemon runs that could be asked; root and its own user need none");
    auto text = base64_decode((**reply)->at("content").get_ref<const std::string&>());
    return text ? std::move(text) : give_up("the daemon's answer cannot be read");
  }

 private:
  std::nullopt_t give_up(const std::string& why) {
    over_ = true;
    return not_at_hand(why);
  }

  const Settings& settings_;
  const Sha256 code_;
  const Clock& clock_;
  bool over_ = false;
};

/// Root is the owner of the folder for a moment: what is in it has to belong to who opens it, and a command that has to
/// write elsewhere, or read what only root may, cannot become somebody else for good.
class AsOwner {
 public:
  explicit AsOwner(const std::string& folder) {
    struct stat info {};
    if (::geteuid() != 0 || ::stat(folder.c_str(), &info) != 0 || info.st_uid == 0) return;
    changed_ = ::seteuid(info.st_uid) == 0;
  }
  ~AsOwner() {
    if (changed_ && ::seteuid(0) != 0) std::terminate();
  }
  AsOwner(const AsOwner&) = delete;

 private:
  bool changed_ = false;
};

}  // namespace

std::unique_ptr<ContentSource> folder_contents(std::string path) {
  return std::make_unique<FolderContents>(std::move(path));
}

std::unique_ptr<ContentSource> zip_contents(UniqueFd zip, ExaminerJob job, std::string what) {
  return std::make_unique<ZipContents>(std::move(zip), std::move(job), std::move(what));
}

std::unique_ptr<ContentSource> recorded_contents(const Settings& settings, const PackageRow& row, const Clock& clock,
                                                 bool ask) {
  if (!row.kept) return std::make_unique<NoContents>(why_not_kept(settings, row.code));
  if (may_open_kept(settings)) {
    auto zip = open_kept(settings, row.code, PackageFolder::Verify::yes);
    if (!zip) return std::make_unique<NoContents>(zip.error().message);
    return zip_contents(std::move(*zip), {.program = find_examiner(), .limits = limits_of(row)}, row.code.hex());
  }
  if (!ask) return std::make_unique<NoContents>(std::string());
  return std::make_unique<DaemonContents>(settings, row.code, clock);
}

bool may_open_kept(const Settings& settings) {
  struct stat info {};
  return ::geteuid() == 0 || (::stat(settings.state_dir.c_str(), &info) == 0 && info.st_uid == ::geteuid());
}

Result<UniqueFd> open_kept(const Settings& settings, const Sha256& code, PackageFolder::Verify verify) {
  const AsOwner owner(settings.state_dir);
  const auto folder = PackageFolder::open(settings.packages_folder());
  if (!folder) return folder.error();
  return folder->open_package(code, verify);
}

std::string why_not_kept(const Settings& settings, const Sha256& code) {
  const std::string what = fmt::format("the package of {} is not kept, only the list of its files", code.hex());
  if (settings.store.server)
    return fmt::format("{}: no package is kept whole where the record is on a server ([store] url)", what);
  if (settings.packages.keep != PackageSettings::Keep::files)
    return fmt::format(
        "{}: set [packages] keep = \"files\" in the configuration, and those of the next deployments are", what);
  return fmt::format(
      "{}: it was examined before [packages] keep was \"files\", or had to go (max_total, packages prune)", what);
}

PackageLimits limits_of(const PackageRow& row) {
  return {.package = row.package_bytes, .unpacked = row.unpacked_bytes, .files = row.files};
}

}  // namespace codedriftd
