#pragma once
/// What requests to the daemon have in common: how their arguments are read, and why nothing was done.
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json_box.h"
#include "base/sha256.h"
#include "model/content.h"

namespace codedriftd {

/// Why nothing was done.
struct NothingDone {
  std::string code;  ///< "usage": wrong as it stands; "nothing": it selects nothing; "refused": the record says no
  std::string message;
};

/// Reads the members of one JSON object from a client, and finds what is wrong with their types. A member that is not
/// there is empty, or nullopt.
class Arguments {
 public:
  /// `json` must outlive this object.
  explicit Arguments(const Json& json);

  std::string text(const char* name);
  std::string filled(const char* name);  ///< a text that is not empty, where it is there
  std::vector<std::string> texts(const char* name);
  std::optional<WallTime> time(const char* name);  ///< RFC 3339
  std::optional<Millis> millis(const char* name);  ///< a whole number of milliseconds, not negative
  std::optional<int64_t> number(const char* name);
  std::optional<Sha256> sha256(const char* name);          ///< 64 hex digits
  std::optional<ContentDigest> content(const char* name);  ///< "h1:" and base64
  bool flag(const char* name);
  /// A list of objects; each to be read with Arguments of its own.
  std::vector<const Json*> objects(const char* name);

  /// What is wrong, for people; also a member that nobody asked for. Empty: nothing. Ask last.
  std::string trouble();

 private:
  const Json* find(const char* name);
  void wrong(const char* name, const char* expected);

  const Json& json_;
  std::set<std::string> known_;
  std::string trouble_;
};

}  // namespace codedriftd
