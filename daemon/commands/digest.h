#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "package/examiner.h"

namespace codedriftd {

/// `codedriftd digest FILE.zip|DIR`: prints the content digest of a package, which `examine` reads, or of a folder,
/// with --manifest the lines it is over. `args` is what follows the command's name; throws UsageError for what is wrong
/// with them. The exit code: 0; 1 where it cannot be read, or the package is ambiguous: nothing is printed then, and
/// `err` says why. Findings are notes on `err`.
/// JSON: {"schema":"codedriftd.digest.v1","path","content","hex","files","bytes","ignored","ambiguous","findings":[
/// {kind,name}]}, with --manifest also "manifest":[{name,mode,size,sha256}], all of it the files that are not ignored;
/// an ambiguous package has null in content and hex. A mode that is not known is null, others octal digits.
int run_digest(const std::vector<std::string>& args, const Examine& examine, std::ostream& out, std::ostream& err);

}  // namespace codedriftd
