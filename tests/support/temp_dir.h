#pragma once
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace codedriftd::test {

/// A folder of its own (mode 0700), removed with everything in it at the end.
class TempDir {
 public:
  /// Throws std::runtime_error if it cannot be made.
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "codedriftd-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  /// The full name of something inside.
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }

  /// Writes a file (folders on the way are made) and returns its full name. Owner-only, as secret files have to be,
  /// unless `mode` says otherwise. Throws std::runtime_error if it cannot.
  std::string write(std::string_view name, std::string_view content,
                    std::filesystem::perms mode = std::filesystem::perms::owner_read |
                                                  std::filesystem::perms::owner_write) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << content;
    out.close();
    if (!out) throw std::runtime_error("cannot write " + file.string());
    std::filesystem::permissions(file, mode);
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace codedriftd::test
