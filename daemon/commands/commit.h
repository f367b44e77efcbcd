#pragma once

namespace codedriftd {

/// The commit that this program was configured from, abbreviated; empty if that is not known.
extern const char* const kCommit;

}  // namespace codedriftd
