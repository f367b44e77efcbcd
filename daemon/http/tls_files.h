#pragma once
/// Files of certificates and keys, looked at before anything is sent with them: what cannot work is said when it is
/// configured. Each message begins with the file's path, holds nothing of its contents, and names the remedy.
#include <string>

#include "base/result.h"

namespace codedriftd {

/// `path` is a regular file that can be read and holds a certificate in PEM.
Checked check_ca_file(const std::string& path);

/// The same of `certificate`; `key` is a regular file closed to others, with a private key in PEM that asks for no
/// passphrase and belongs to the certificate.
Checked check_certificate_and_key(const std::string& certificate, const std::string& key);

}  // namespace codedriftd
