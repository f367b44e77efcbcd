#pragma once
/// The files of a folder, as those of a package that is made of it.
#include <string>

#include "base/result.h"
#include "package/examination.h"

namespace codedriftd {

/// Every file under `path`, which is a folder or a link to one: names relative to it, each content hashed as it is
/// read. The same files as Go's dirhash finds (golang.org/x/mod/sumdb/dirhash, DirFiles):
///   - hidden files count; folders do not, whether empty or not;
///   - a symbolic link to a file counts as that file, with its content and mode;
///   - a symbolic link to a folder is an error, and so is one to nothing: packers differ in what they make of them;
///   - a socket, a pipe or a device is an error; none of them is opened.
/// Also an error, each naming the path: what cannot be read; a name with a line break, which has no content digest; a
/// file that is not the same after it was read as before (size, time of the last change, inode); more files, or more
/// folders, than limits.files, or more bytes than limits.unpacked. limits.package means nothing here.
/// Files are not read at one moment: who changes the folder meanwhile gets the digest of what never was.
Result<Manifest> read_folder(const std::string& path, const PackageLimits& limits);

}  // namespace codedriftd
