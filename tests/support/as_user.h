#pragma once
#include <sys/types.h>

#include <functional>
#include <vector>

namespace codedriftd::test {

/// Runs `work` on a thread that has another user's ids, for the kernel at least: what it connects to sees that user.
/// The rest of the process stays who it is. REQUIRES: root. Throws std::system_error if the kernel refuses.
void as_user(uid_t user, const std::vector<gid_t>& groups, const std::function<void()>& work);

}  // namespace codedriftd::test
