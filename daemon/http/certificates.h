#pragma once
#include <string>

#include "base/result.h"

namespace codedriftd {

/// Whether `path` can be what is trusted (CURLOPT_CAINFO): a file that can be read and holds at least one certificate
/// in PEM. The error begins with the path.
Checked check_certificates(const std::string& path);

}  // namespace codedriftd
