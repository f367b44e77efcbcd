#pragma once
#include "inspection/inspector.h"
#include "settings/settings.h"

namespace codedriftd {

/// How packages are looked at, as `settings` say.
InspectionRules inspection_rules(const Settings& settings);

/// Makes the folder of the packages that are kept agree with the record, at the start; what cannot be is logged.
void mend_packages(const Settings& settings, Writer& writer);

}  // namespace codedriftd
