#pragma once
#include <sys/types.h>

#include <set>
#include <string>
#include <string_view>

namespace codedriftd {

/// Who asks for something to be done.
struct Caller {
  uid_t uid = 0;
  std::string actor;            ///< actor_of() this user, as the kernel says
  std::string claimed;          ///< what the client says beside it (SUDO_USER), or empty: believed by nobody
  std::set<gid_t> groups = {};  ///< as the kernel says, the primary one among them; of a client of the socket
};

/// "uid:1001(alice)"; "uid:1001" for a user without a name. With "@HOST" behind it for a record that several hosts
/// write to, as a uid is one host's.
std::string actor_of(uid_t uid, std::string_view host = {});
/// This process, claiming what sudo says.
Caller this_caller(std::string_view host = {});
/// Text a client claims: what may stand in a user's name, at most 64 characters.
std::string clean_claim(std::string_view text);

}  // namespace codedriftd
