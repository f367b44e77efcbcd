#pragma once
/// What the names and modes of a package's entries tell: the names they get in its manifest, and findings.
#include <string>
#include <vector>

#include "package/examination.h"
#include "package/zip_headers.h"

namespace codedriftd {

/// The name of each entry in the manifest, in the order of `entries`: without "./" in front, unless that is the name of
/// another entry. Throws Ambiguous if a name stands twice.
std::vector<std::string> manifest_names(const std::vector<ZipEntryHeader>& entries);

/// The first kMostFindings, sorted by name and kind (package/zip_reader.h). `names`: of manifest_names().
std::vector<Finding> findings_of(const std::vector<ZipEntryHeader>& entries, const std::vector<std::string>& names);

}  // namespace codedriftd
