#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace codedriftd {

/// Text that must not be printed, logged or stored. It has no output operator and no conversion; its bytes are
/// overwritten when it dies. Movable; copies are explicit (`clone`).
class Secret {
 public:
  Secret() = default;
  /// Takes the text out of `text`, and wipes what short text leaves behind there.
  explicit Secret(std::string text);
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  Secret clone() const;
  /// The text itself, valid as long as this object. Every caller is a place to review.
  std::string_view reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  void wipe();
  std::string text_;
};

/// Overwrites the bytes of `text` in a way the compiler may not leave out, and empties it.
void wipe(std::string& text);

/// Overwrites what calls that have returned left in vector registers and on the stack below the caller: locals, and
/// registers that were saved (a first call into a library saves all of them).
void wipe_stack();

/// Where the secret file `path` is: itself, or below $CREDENTIALS_DIRECTORY if it is relative (and that is set).
std::string secret_file_path(const std::string& path);

/// True if `path` is relative and $CREDENTIALS_DIRECTORY is not set: systemd passes such a file to the service, and to
/// nobody else.
bool is_credential_of_the_service(const std::string& path);

/// Reads a file that holds one secret; white space around it is cut off. Refused, with the path and the remedy in the
/// message: no such file, not a regular file, readable or writable by others, writable by the group, empty, over 64
/// KiB. `path` may be relative: then it is looked up under $CREDENTIALS_DIRECTORY, and refused if that is not set.
Result<Secret> read_secret_file(const std::string& path);

}  // namespace codedriftd
