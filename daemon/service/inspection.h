#pragma once
#include "inspection/inspector.h"
#include "settings/settings.h"

namespace codedriftd {

/// How packages are looked at, as `settings` say.
InspectionRules inspection_rules(const Settings& settings);

/// The content of one file of a package that is kept in `folder`, read by the examiner within `limits`. Blocks; any
/// thread.
Result<std::string> kept_file(const std::string& folder, const Sha256& code, const PackageFile& file,
                              const PackageLimits& limits);

/// Which links of answers may be followed: those to `hosts`; to loopback only from a cloud that is there itself, or an
/// answer could have this host's own services called. What is refused is logged once for each host.
std::function<bool(const Target&, std::string_view link)> package_links(const Settings& settings);

/// Makes the folder of the packages that are kept agree with the record; what cannot be is logged. At the start alone:
/// a package lies in the folder before it stands in the record.
void mend_packages(const Settings& settings, Writer& writer);
/// Removes what is over max_total, which may be less than it was.
void prune_packages(const Settings& settings, Writer& writer);

}  // namespace codedriftd
