#include <gtest/gtest.h>

#include <filesystem>

#include "package/package_file.h"
#include "package/zip_reader.h"
#include "support/process.h"
#include "support/program.h"
#include "support/temp_dir.h"
#include "support/zip_writer.h"

namespace codedriftd::test {
namespace {

namespace fs = std::filesystem;

/// Text that deflate makes small, and bytes that it does not.
std::string varied(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; bytes.size() < size / 2; ++i) bytes += "line " + std::to_string(i % 7) + "\n";
  for (uint32_t state = 1; bytes.size() < size;) {
    state = state * 1664525 + 1013904223;
    bytes += static_cast<char>(state >> 24);
  }
  return bytes;
}

const std::map<std::string, std::string> kContents{{"index.js", "exports.main = 1;\n"},
                                                   {"bin/run", "#!/bin/sh\n"},
                                                   {"lib/data.bin", varied(300'000)},
                                                   {"lib/empty", ""}};

uint32_t mode_of(const std::string& name) { return name == "bin/run" ? 0755 : 0644; }

Manifest manifest_of_contents(bool modes) {
  Manifest files;
  for (const auto& [name, content] : kContents)
    files.push_back({name, modes ? mode_of(name) : 0, content.size(), sha256(content)});
  return files;
}

struct Packer {
  const char* tool;
  const char* how;  ///< for sh, in the folder to pack; $OUT is the zip, not there yet
  bool modes = true;
};

const Packer kPackers[] = {
    {"zip", "zip -qr $OUT ."},
    {"zip", "zip -qr0 $OUT ."},
    {"zip", "zip -qrD9X $OUT ."},
    {"zip", "zip -qr - . >$OUT"},
    {"zip", "zip -qr - . | cat >$OUT"},
    {"zip", "zip -qr -fd $OUT ."},
    {"zip", "find . -type f | sort -r | zip -q $OUT -@; echo of all | zip -qz $OUT"},
    {"zip", "zip -q $OUT index.js; zip -qr $OUT bin lib; zip -qd $OUT index.js; zip -q $OUT index.js"},
    {"bsdtar", "bsdtar -a -cf $OUT ."},
    {"bsdtar", "bsdtar -a -cf $OUT *"},
    {"bsdtar", "bsdtar -a --options zip:compression=store -cf $OUT *"},
    {"bsdtar", "bsdtar --format zip --options zip:zip64 -cf $OUT *"},
    {"7zz", "7zz a -bso0 $OUT ."},
    {"7zz", "7zz a -bso0 -mm=Copy $OUT *"},
    {"7zz", "7zz a -bso0 -tzip -so -an * >$OUT"},
    {"python3", "python3 -m zipfile -c $OUT *"},
    {"python3", "python3 -c \"import os, shutil; shutil.make_archive(os.environ['OUT'][:-4], 'zip', '.')\""},
    {"python3",
     "python3 -c \"import zipfile; z = zipfile.ZipFile('/dev/stdout', 'w', zipfile.ZIP_DEFLATED)\n"
     "for n in ['index.js', 'bin/run', 'lib/data.bin', 'lib/empty']: z.write(n)\nz.close()\" | cat >$OUT"},
    {"python3",
     "python3 -c \"import os, zipfile; z = zipfile.ZipFile(os.environ['OUT'], 'w', zipfile.ZIP_DEFLATED)\n"
     "for n in ['index.js', 'bin/run', 'lib/data.bin', 'lib/empty']:\n"
     "  with z.open(n, 'w', force_zip64=True) as f: f.write(open(n, 'rb').read())\nz.close()\"",
     false},
    {"cmake", "cmake -E tar cf $OUT --format=zip ."},
    {"git",
     "git init -q $OUT.git && git --git-dir $OUT.git/.git --work-tree . add . && "
     "git --git-dir $OUT.git/.git -c user.name=n -c user.email=e@example.com commit -qm m && "
     "git --git-dir $OUT.git/.git archive -o $OUT HEAD",
     false},
};

class Packers : public testing::Test {
 protected:
  Packers() {
    for (const auto& [name, content] : kContents) {
      folder_.write("src/" + name, content, static_cast<fs::perms>(mode_of(name)));
      fs::permissions(fs::path(folder_ / ("src/" + name)).parent_path(), static_cast<fs::perms>(0755));
    }
  }
  /// The zip that the packer made; nullopt if it is not here.
  std::optional<std::string> pack(const Packer& packer) {
    if (code_of(run({.argv = {"sh", "-c", std::string("command -v ") + packer.tool}})) != 0) return std::nullopt;
    const std::string out = folder_ / (std::to_string(++made_) + ".zip");
    const RunResult done = run({.argv = {"sh", "-ec", packer.how}, .env = {{"OUT", out}}, .folder = folder_ / "src"});
    EXPECT_EQ(code_of(done), 0) << packer.how << "\n" << done.out << done.err;
    return read_file(out);
  }

 private:
  TempDir folder_;
  int made_ = 0;
};

TEST_F(Packers, OrdinaryZipsHoldWhatWasPacked) {
  std::string missing;
  for (const Packer& packer : kPackers) {
    const auto zip = pack(packer);
    if (!zip) {
      missing += std::string(" ") + packer.tool;
      continue;
    }
    const Examination read = read_bytes(*zip);
    EXPECT_EQ(read.ambiguous, "") << packer.how;
    EXPECT_EQ(findings_of(read), "") << packer.how;
    EXPECT_EQ(content_of(read.files), content_of(manifest_of_contents(false))) << packer.how << names_of(read.files);
    EXPECT_TRUE(!packer.modes || read.files == manifest_of_contents(true)) << packer.how;
  }
  if (!missing.empty()) GTEST_SKIP() << "not here, scripts/install-deps --test installs them:" << missing;
}

/// Made once by packers that are too large to install for this: Go 1.19's archive/zip, and Node's archiver 7, jszip 3,
/// adm-zip 0.5 and yazl 3.
struct Kept {
  const char* file;
  const char* names;
  uint32_t mode;  ///< of "main", which is executable where the packer knows modes
};

const Kept kKept[] = {
    {"go", "lib/a.txt main stored", 0755}, {"archiver", "lib/a.txt main stored", 0755},
    {"jszip", "lib/a.txt main", 0755},     {"jszip-stream", "lib/a.txt main", 0},
    {"adm-zip", "lib/a.txt main", 0755},   {"yazl", "lib/a.txt main", 0755},
};

TEST(KeptZips, OfGoAndNodeHoldWhatWasPacked) {
  const std::map<std::string, std::string> contents{
      {"main", "#!/bin/sh\n"}, {"lib/a.txt", "text\n"}, {"stored", "stored\n"}};
  for (const Kept& kept : kKept) {
    const Examination read =
        read_bytes(read_file(std::string(CODEDRIFTD_SOURCE_DIR "/tests/package/packed/") + kept.file + ".zip"));
    EXPECT_EQ(read.ambiguous, "") << kept.file;
    EXPECT_EQ(findings_of(read), "") << kept.file;
    EXPECT_EQ(names_of(read.files), kept.names) << kept.file;
    for (const PackageFile& file : read.files) {
      EXPECT_EQ(file.sha256, sha256(contents.at(file.name))) << kept.file << file.name;
      EXPECT_TRUE(file.name != "main" || file.mode == kept.mode) << kept.file;
    }
  }
}

/// The traits of Explorer and of .NET, as of PowerShell's Compress-Archive before version 7.
TEST(WindowsZips, ComeWithoutModesAndSomeWithBackslashes) {
  const auto on_windows = [](std::string name, uint16_t flags) {
    return ZipEntry{.name = std::move(name), .content = "x", .mode = std::nullopt, .flags = flags};
  };
  const Examination explorer = read_bytes(zip_of({on_windows("index.js", 0), on_windows("lib/a.js", 0)}));
  EXPECT_EQ(explorer.ambiguous + findings_of(explorer), "");
  EXPECT_EQ(explorer.files, (Manifest{{"index.js", 0, 1, sha256("x")}, {"lib/a.js", 0, 1, sha256("x")}}));
  const Examination powershell = read_bytes(zip_of({on_windows("lib\\a.js", 0), on_windows("\xe5\x87\xbd.js", 0x800)}));
  EXPECT_EQ(powershell.ambiguous, "");
  EXPECT_EQ(findings_of(powershell), "backslash:lib\\a.js");
  EXPECT_EQ(names_of(powershell.files), "lib\\a.js \xe5\x87\xbd.js");
}

}  // namespace
}  // namespace codedriftd::test
