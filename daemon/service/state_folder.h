#pragma once
#include <string>

namespace codedriftd {

/// The folder of the record is there, nobody but its owner's side can write to it, and this process can write what is
/// in it. Makes it if it is not there, with mode 0750. Throws std::runtime_error with the remedy otherwise.
void prepare_state_folder(const std::string& folder);

}  // namespace codedriftd
