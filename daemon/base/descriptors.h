#pragma once

namespace codedriftd {

/// Opens those of the descriptors 0, 1 and 2 that are closed, so that no file opened later gets their number and the
/// lines that are meant for stderr. For the first line of main(). What was closed stays useless: reading 0 and writing
/// 1 and 2 fail. Ends the process if there is no /dev/null.
void open_standard_descriptors();

}  // namespace codedriftd
