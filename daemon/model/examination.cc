#include "model/examination.h"

#include <algorithm>

#include "model/target.h"

namespace codedriftd {

std::optional<KnownContent> known_content(const Manifest& files, const std::vector<Finding>& findings,
                                          const std::vector<std::string>& ignore) {
  const auto counts = [&](const std::string& name) {
    return std::ranges::none_of(ignore, [&](const std::string& glob) { return glob_match(glob, name); });
  };
  if (std::ranges::none_of(files, [&](const PackageFile& file) { return counts(file.name); })) return std::nullopt;
  std::vector<std::string> marks;
  for (const Finding& finding : findings) {
    if (finding.kind == kFileAndFolderFinding) return std::nullopt;
    if (counts(finding.name)) marks.push_back(finding.kind + " " + finding.name);
  }
  return KnownContent{content_of(files, ignore), exact_content_of(files, ignore, marks)};
}

}  // namespace codedriftd
