#pragma once
/// Where the contents of the files of one side of a diff come from. Private to commands/.
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "model/content.h"
#include "package/examiner.h"
#include "settings/settings.h"
#include "store/packages/files.h"
#include "store/packages/packages.h"

namespace codedriftd {

/// Nothing is read before it is asked for. One thread.
class ContentSource {
 public:
  virtual ~ContentSource() = default;
  /// Nullopt: it is not at hand. Nobody has held it against the file's hash.
  virtual std::optional<std::string> content(const PackageFile& file) = 0;
  /// Why something was not at hand, for people, with what would help; empty: all that was asked for was.
  const std::string& trouble() const { return trouble_; }

 protected:
  /// The first trouble is told; the others are like it as a rule.
  std::nullopt_t not_at_hand(const std::string& why) {
    if (trouble_.empty()) trouble_ = why;
    return std::nullopt;
  }

 private:
  std::string trouble_;
};

/// The files of the folder at `path`.
std::unique_ptr<ContentSource> folder_contents(std::string path);
/// The package open as `zip`, read by the examiner. `what` names it in troubles.
std::unique_ptr<ContentSource> zip_contents(UniqueFd zip, ExaminerJob job, std::string what);
/// The package of `row`, which is on record: out of the folder of the packages that are kept, where this user may;
/// else the running daemon is asked for each file ([control] diff). `ask`: false asks nobody, which is no trouble: for
/// what is only nicer with contents.
std::unique_ptr<ContentSource> recorded_contents(const Settings& settings, const PackageRow& row, const Clock& clock,
                                                 bool ask);

/// True for root and the daemon's own user, who may read what is kept.
bool may_open_kept(const Settings& settings);
/// A package that is kept. REQUIRES: may_open_kept(). Root opens it as the owner of the folder and goes on as root.
Result<UniqueFd> open_kept(const Settings& settings, const Sha256& code, PackageFolder::Verify verify);
/// Why a package that was examined is not kept, with what would help: the end of a sentence.
std::string why_not_kept(const Settings& settings, const Sha256& code);
/// The caps for reading again what was within some caps when it was kept: its own.
PackageLimits limits_of(const PackageRow& row);

}  // namespace codedriftd
