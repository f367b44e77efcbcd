#pragma once
/// Which calls can have made a change that was seen. Pure.
#include <optional>
#include <string_view>
#include <vector>

namespace codedriftd {

/// What was seen to change.
enum class ChangeKind {
  code,             ///< of `$LATEST`, or its container image: another hash
  version_code,     ///< of a published version
  alias_code,       ///< of what an alias leads to
  layers,           ///< of `$LATEST`
  alias,            ///< where it leads
  missing,          ///< the function is gone,
  version_missing,  ///< a version of it,
  alias_missing,    ///< an alias of it
  made,             ///< the function is there, and was not; so are
  version_made,     ///< a version of it,
  alias_made,       ///< an alias of it
  recreated,        ///< another function has the name
  touched,          ///< its ModTime moved, and its hash did not
};

/// What an event of this kind says of a target with this qualifier. nullopt: it is about no change.
std::optional<ChangeKind> change_kind(std::string_view event_kind, std::string_view qualifier);

/// What a call can have to do with a change.
enum class Part {
  none,
  helps,  ///< alone it cannot have made it, but before a call that can: a deletion before the function was made anew
  makes,
};
/// By what the API's documentation says that a call does. A call that is not among the audited ones that change code,
/// layers, aliases or the function itself has no part in anything.
Part part_in(ChangeKind kind, std::string_view action);

/// The calls that have a part in a change of that kind.
std::vector<std::string_view> actions_of(ChangeKind kind);

}  // namespace codedriftd
