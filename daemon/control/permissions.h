#pragma once
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actions/caller.h"
#include "settings/settings.h"

namespace codedriftd {

/// Who may ask the daemon for what: [control], with its names looked up once, when it was loaded.
class Permissions {
 public:
  /// A name that this machine does not know allows nobody. `self` is the daemon's own user, who can write the record
  /// anyway: it may ask for everything, as root.
  explicit Permissions(const ControlSettings& settings, uid_t self);

  /// REQUIRES: `verb` is one of kControlVerbs.
  bool may(const Caller& caller, std::string_view verb) const;
  bool may_ask(const Caller& caller) const;  ///< for anything at all
  /// Whom [control] allows `verb`, for people: "root and group codedriftd-ops". REQUIRES: as above.
  std::string allowed(std::string_view verb) const;
  /// The names of [control] that there are no users or groups for, but for the group of the defaults, each once.
  const std::set<std::string>& unknown() const { return unknown_; }

 private:
  struct Who {
    std::set<uid_t> users;
    std::set<gid_t> groups;
    std::vector<std::string> names;  ///< as they are written
  };
  static bool among(const Who& who, const Caller& caller);

  std::map<std::string, Who, std::less<>> allowed_;
  std::set<uid_t> always_;
  std::set<std::string> unknown_;
};

}  // namespace codedriftd
