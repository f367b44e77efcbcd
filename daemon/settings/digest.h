#pragma once
#include <string>

#include "settings/settings.h"

namespace codedriftd {

/// What tells whether two hosts of a fleet would do the same work: SHA-256, in hex, over all of the settings that
/// decides about it. Not over what is a host's own: [daemon] but for its link, [log], [http], [store], [control], and
/// where files stand (of secrets, certificates and public keys; of the latter their content counts, as far as it can be
/// read). What is at its default is as if it were not there, so that a key that a newer program knows changes nothing.
/// REQUIRES: as load_settings() made them; watches made of rules and an inventory are no setting.
std::string work_digest(const Settings& settings);

/// As much of it as people are shown.
std::string short_digest(std::string_view digest);

}  // namespace codedriftd
