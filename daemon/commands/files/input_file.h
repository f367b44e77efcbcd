#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"

namespace codedriftd {

/// The whole of a file, of standard input for "-". The error names it: it cannot be read, or is larger than `most`.
Result<std::string> read_input(const std::string& path, std::size_t most);

/// The SHA-256 of a zip file's bytes, whatever its size. The error names the file: it cannot be read, or is no zip.
Result<Sha256> zip_sha256(const std::string& path);

}  // namespace codedriftd
