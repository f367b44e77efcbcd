#pragma once
/// For the .cc files of attest/ only: shows simdjson.
#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace codedriftd {

/// JSON that somebody else has read, or will: only what all readers understand in the same way is taken. An object in
/// which a name stands twice is refused at every level, for some readers take the first and some the last. One thread.
class StrictJson {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  static constexpr std::size_t kDeepest = 64;  ///< lists and objects in each other

  /// One document and nothing after it, an object; valid until the next call and as long as this. The error says what
  /// is wrong, beginning with "is" or "has".
  Result<simdjson::dom::object> parse(std::string_view text);

 private:
  simdjson::dom::parser parser_;
};

/// What may not be there, and then has no members.
using MaybeObject = std::optional<simdjson::dom::object>;
/// The object under `name`; nullopt if there is none, or something else.
MaybeObject object_in(const MaybeObject& object, std::string_view name);
/// The text under `name`; empty if there is none, or something else than text.
std::string_view text_in(const MaybeObject& object, std::string_view name);
bool has_member(const MaybeObject& object, std::string_view name);

/// Foreign text in a message: in double quotes, harmless, at most 80 bytes of it.
std::string quote_foreign(std::string_view text);

}  // namespace codedriftd
