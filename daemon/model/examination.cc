#include "model/examination.h"

#include <algorithm>

namespace codedriftd {

std::optional<KnownContent> known_content(const Manifest& files, const std::vector<Finding>& findings,
                                          const std::vector<std::string>& ignore) {
  if (std::ranges::all_of(files, [&](const PackageFile& file) { return is_ignored(file.name, ignore); }))
    return std::nullopt;
  std::vector<std::string> marks;
  for (const Finding& finding : findings) {
    if (finding.kind == kFileAndFolderFinding) return std::nullopt;
    if (!is_ignored(finding.name, ignore)) marks.push_back(finding.kind + " " + finding.name);
  }
  return KnownContent{content_of(files, ignore), exact_content_of(files, ignore, marks)};
}

}  // namespace codedriftd
