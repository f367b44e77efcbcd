#include "package/zip_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "base/text.h"
#include "package/package_file.h"
#include "support/program.h"
#include "support/zip_writer.h"

namespace codedriftd::test {
namespace {

using namespace std::string_literals;

const std::string kGood = "def main(e,c):\n    return \"GOOD\"\n";

PackageFile file_of(const std::string& name, const std::string& content, uint32_t mode = 0644) {
  return {name, mode, content.size(), sha256(content)};
}

// ---- the crafted zips
// ------------------------------------------------------------------------------------------------

struct HostileCase {
  const char* file;
  const char* ambiguous;  ///< a part of the reason; "": it is read
  std::string names = "";
  std::string findings = "";
};

const HostileCase kHostile[] = {
    {"00-ok", "", "index.py lib/a.py"},
    {"01-dup-name", "\"index.py\" is in it twice"},
    {"02-name-mismatch", "\"index.py\" is named \"evil1.py\" in front of its data"},
    {"03-hidden-local", "followed by bytes that no entry has"},
    {"05-eocd-in-comment", "hidden in its comment"},
    {"07-prefix-unadjusted", "bytes stand in front, between or behind"},
    {"08-concat", "a second end record"},
    {"09-traversal", "", "../../etc/cron.d/x ./index.py /abs.py a\\b.py index.py x//y.py",
     "traversal:../../etc/cron.d/x dot-part:./index.py absolute-path:/abs.py backslash:a\\b.py empty-part:x//y.py"},
    {"10-nul-in-name", "", "index.py\0.txt"s, "nul:index.py\0.txt"s},
    {"12-dir-file-collide", "", "index.py", "file-and-folder:index.py"},
    {"13-symlink", "", "index.py", "symlink:index.py"},
    {"14-encrypted", "\"index.py\" is encrypted"},
    {"15-gbk", "", "\xba\xaf\xca\xfd.py", "not-utf8:\xba\xaf\xca\xfd.py"},
    {"17-unicode-path", "a Unicode path field with another name"},
    {"19-bad-crc", "another CRC than it says"},
    {"20-size-lie", "unpacks to more than it says"},
    {"21-overlap-full", "more than 250 times its size"},
    {"22-datadesc", "", "index.py"},
    {"25-junk-after-deflate", "bytes behind its packed data"},
    {"27-empty", "", ""},
};

std::string hostile(const std::string& name) {
  return read_file(CODEDRIFTD_SOURCE_DIR "/tests/package/hostile-zips/" + name + ".zip");
}

TEST(HostileZips, EachIsPlainShownOrAmbiguousAsItShouldBe) {
  for (const HostileCase& row : kHostile) {
    const Examination read = read_bytes(hostile(row.file));
    if (*row.ambiguous == '\0') {
      EXPECT_EQ(read.ambiguous, "") << row.file;
      EXPECT_EQ(names_of(read.files), row.names) << row.file;
      EXPECT_EQ(findings_of(read), row.findings) << row.file;
    } else {
      EXPECT_NE(read.ambiguous.find(row.ambiguous), std::string::npos) << row.file << ": " << read.ambiguous;
      EXPECT_EQ(read.files, Manifest{}) << row.file;
    }
  }
}

TEST(HostileZips, EveryFileOfTheFolderHasItsRow) {
  std::set<std::string> rows, files;
  for (const HostileCase& row : kHostile) rows.insert(row.file);
  for (const auto& entry : std::filesystem::directory_iterator(CODEDRIFTD_SOURCE_DIR "/tests/package/hostile-zips"))
    files.insert(entry.path().stem().string());
  EXPECT_EQ(rows, files);
}

TEST(HostileZips, NoneIsTakenForAGoodPackage) {
  // 22 is one, packed another way.
  const auto known = [](const Examination& read) { return known_content(read.files, read.findings, {}); };
  const Examination plain = read_bytes(hostile("00-ok"));
  const std::vector<KnownContent> good{*known_content({file_of("index.py", kGood)}, {}, {}), *known(plain)};
  for (const HostileCase& row : kHostile) {
    const Examination read = read_bytes(hostile(row.file));
    const bool is_good = row.file == "00-ok"s || row.file == "22-datadesc"s;
    const auto content = read.ambiguous.empty() ? known(read) : std::nullopt;
    EXPECT_EQ(content && std::ranges::count(good, *content) > 0, is_good) << row.file;
    // What is announced is held against the names and bytes alone.
    EXPECT_EQ(content && (content->digest == good[0].digest || content->digest == good[1].digest), is_good) << row.file;
  }
}

TEST(HostileZips, AnEmptyPackageHoldsNothingForEveryReader) {
  EXPECT_EQ(read_bytes(hostile("27-empty")), (Examination{"", {}, {}, 22, 0}));
}

// ---- ordinary ones
// ---------------------------------------------------------------------------------------------------

TEST(ZipReader, TheManifestHasNameModeSizeAndDigestOfEachFile) {
  const std::string large(300'000, 'x');
  const std::string bytes = zip_of({{.name = "z.py", .content = kGood, .mode = 0755},
                                    {.name = "lib/", .deflate = false, .mode = 0755},
                                    {.name = "lib/large", .content = large},
                                    {.name = "fat", .content = "", .deflate = false, .mode = std::nullopt}});
  const Examination read = read_bytes(bytes);
  const Manifest files{file_of("fat", "", 0), file_of("lib/large", large), file_of("z.py", kGood, 0755)};
  EXPECT_EQ(read, (Examination{"", files, {}, bytes.size(), kGood.size() + large.size()})) << read.ambiguous;
}

TEST(ZipReader, HowItWasPackedIsNotInTheContent) {
  const std::vector<ZipEntry> entries{{.name = "a", .content = kGood},
                                      {.name = "b/c", .content = std::string(70'000, 'c')},
                                      {.name = "b/", .deflate = false}};
  const Manifest plain = read_bytes(zip_of(entries)).files;
  ASSERT_EQ(plain.size(), 2U);
  const auto with = [&](const std::function<void(ZipEntry&)>& change, const ZipOptions& options = {}) {
    std::vector<ZipEntry> changed = entries;
    for (ZipEntry& entry : changed) change(entry);
    return zip_of(changed, options);
  };
  const std::map<std::string, std::string> packed{
      {"stored", with([](ZipEntry& e) { e.deflate = false; })},
      {"another level", with([](ZipEntry& e) { e.level = 1; })},
      {"other times", with([](ZipEntry& e) { e.dos_time = 0x5b000000; })},
      {"descriptors", with([](ZipEntry& e) { e.descriptor = true; })},
      {"descriptors without signature", with([](ZipEntry& e) { e.descriptor = true, e.descriptor_signature = false; })},
      {"stored, descriptors", with([](ZipEntry& e) { e.descriptor = true, e.deflate = false; })},
      {"zip64", with([](ZipEntry& e) { e.zip64 = true; }, {.zip64_end = true})},
      {"zip64, descriptors", with([](ZipEntry& e) { e.zip64 = e.descriptor = true; })},
      {"zip64, descriptors without signature",
       with([](ZipEntry& e) { e.zip64 = e.descriptor = true, e.descriptor_signature = false; })},
      {"comments", with([](ZipEntry& e) { e.comment = "of an entry"; }, {.comment = "of all"})},
      {"extra fields", with([](ZipEntry& e) { e.local_extra = e.central_extra = extra_field(0x5455, "\1abcd"); })},
      {"directory in another order", with([](ZipEntry&) {}, {.central_order = {2, 0, 1}})},
      {"names of UTF-8", with([](ZipEntry& e) { e.flags = 0x800; })},
      {"a Unicode path field that says the same",
       with([](ZipEntry& e) { e.central_extra = extra_field(0x7075, "\1abcd" + e.name); })},
      {"./ in front", with([](ZipEntry& e) { e.name = "./" + e.name; })},
      {"files in another order", zip_of({entries[1], entries[2], entries[0]})},
      {"no folders", zip_of({entries[0], entries[1]})},
  };
  for (const auto& [how, bytes] : packed) {
    const Examination read = read_bytes(bytes);
    EXPECT_EQ(read.ambiguous, "") << how;
    EXPECT_EQ(read.files, plain) << how;
    EXPECT_EQ(findings_of(read), "") << how;
  }
}

TEST(ZipReader, ANestedZipIsNoSecondEndRecord) {
  const std::string inner = zip_of({{.name = "inner.py", .content = kGood}});
  EXPECT_EQ(names_of(read_bytes(zip_of({{.name = "a", .content = kGood},
                                        {.name = "nested.zip", .content = inner, .deflate = false}}))
                         .files),
            "a nested.zip");
}

// ---- each rule
// -------------------------------------------------------------------------------------------------------

struct Spoiled {
  const char* what;
  std::function<std::string()> bytes;
  const char* reason;
};

/// A zip of two entries with one place overwritten: at an offset from where a part of the second entry begins.
std::string with_bytes(std::size_t ZipPlaces::*part, std::size_t at, const std::string& bytes,
                       const ZipOptions& options = {}) {
  ZipPlaces places;
  std::string zip = zip_of({{.name = "a", .content = kGood}, {.name = "b", .content = kGood}}, options, &places);
  overwrite(zip, places.*part + at, bytes);
  return zip;
}
std::string with_bytes(std::vector<std::size_t> ZipPlaces::*part, std::size_t at, const std::string& bytes,
                       const ZipEntry& like = {}) {
  ZipPlaces places;
  ZipEntry second = like;
  second.name = "b";
  second.content = kGood;
  std::string zip = zip_of({{.name = "a", .content = kGood}, second}, {}, &places);
  overwrite(zip, (places.*part)[1] + at, bytes);
  return zip;
}
std::string entries(std::vector<ZipEntry> all) { return zip_of(all); }
std::string le(uint64_t value, std::size_t width) { return little_endian(value, width); }

const Spoiled kSpoiled[] = {
    {"no zip", [] { return "#!/bin/sh\nexit 0\n# and so on"s; }, "it has no end record"},
    {"nothing", [] { return ""s; }, "shorter than an end record"},
    {"a byte behind", [] { return entries({{.name = "a"}}) + "x"; }, "behind its end record"},
    {"a byte in front", [] { return "x" + entries({{.name = "a"}}); }, "bytes stand in front"},
    {"two disks", [] { return with_bytes(&ZipPlaces::end, 4, le(1, 2)); }, "one part of a zip in several"},
    {"two counts", [] { return with_bytes(&ZipPlaces::end, 8, le(1, 2)); }, "two numbers of entries"},
    {"fewer counted", [] { return with_bytes(&ZipPlaces::end, 8, le(1, 2) + le(1, 2)); }, "has more than"},
    {"more counted", [] { return with_bytes(&ZipPlaces::end, 8, le(3, 2) + le(3, 2)); }, "fewer entries than"},
    {"directory elsewhere", [] { return with_bytes(&ZipPlaces::end, 16, le(1, 4)); }, "bytes stand in front"},
    {"a second end record that fits",
     [] { return entries({{.name = "a", .content = hostile("27-empty"), .deflate = false}}); }, "a second end record"},
    {"zip64 count differs", [] { return with_bytes(&ZipPlaces::zip64_end, 24, le(3, 8), {.zip64_end = true}); },
     "do not agree"},
    {"zip64 record differs from a number in the end record",
     [] { return with_bytes(&ZipPlaces::end, 8, le(3, 2) + le(3, 2), {.zip64_end = true}); }, "do not agree"},
    {"zip64 record elsewhere", [] { return with_bytes(&ZipPlaces::zip64_end, 56 + 8, le(3, 8), {.zip64_end = true}); },
     "where its locator says"},
    {"zip64 record with more in it",
     [] { return with_bytes(&ZipPlaces::zip64_end, 4, le(45, 8), {.zip64_end = true}); }, "where its locator says"},
    {"no zip64 record", [] { return with_bytes(&ZipPlaces::end, 8, le(0xFFFF, 2) + le(0xFFFF, 2)); },
     "zip64 locator is missing"},
    {"damaged directory", [] { return with_bytes(&ZipPlaces::central, 0, "PK\3"); }, "or is damaged"},
    {"offset of another", [] { return with_bytes(&ZipPlaces::central, 42, le(0, 4)); }, "overlaps with what follows"},
    {"offset beyond the end", [] { return with_bytes(&ZipPlaces::central, 42, le(1 << 30, 4)); },
     "followed by bytes that no entry has"},
    {"no local header", [] { return with_bytes(&ZipPlaces::local, 0, "XX"); }, "not where the directory says"},
    {"another disk", [] { return with_bytes(&ZipPlaces::central, 34, le(1, 2)); }, "on another disk"},
    {"encrypted", [] { return with_bytes(&ZipPlaces::central, 8, le(1, 2)); }, "is encrypted"},
    {"strong encryption", [] { return with_bytes(&ZipPlaces::central, 8, le(1 << 6, 2)); }, "is encrypted"},
    {"masked headers", [] { return with_bytes(&ZipPlaces::central, 8, le(1 << 13, 2)); }, "is encrypted"},
    {"patched data", [] { return with_bytes(&ZipPlaces::central, 8, le(1 << 5, 2)); }, "unknown flags (0x0020)"},
    {"bzip2", [] { return with_bytes(&ZipPlaces::central, 10, le(12, 2)); }, "packed by method 12"},
    {"flags differ", [] { return with_bytes(&ZipPlaces::local, 6, le(0x800, 2)); }, "other flags or another method"},
    {"method differs", [] { return with_bytes(&ZipPlaces::local, 8, le(0, 2)); }, "other flags or another method"},
    {"CRC differs", [] { return with_bytes(&ZipPlaces::local, 14, le(7, 4)); }, "other sizes or another CRC"},
    {"packed size differs", [] { return with_bytes(&ZipPlaces::local, 18, le(7, 4)); }, "other sizes or another CRC"},
    {"size differs", [] { return with_bytes(&ZipPlaces::local, 22, le(7, 4)); }, "other sizes or another CRC"},
    {"name differs", [] { return with_bytes(&ZipPlaces::local, 30, "c"); }, "is named \"c\" in front"},
    {"sizes both left open and not", [] { return with_bytes(&ZipPlaces::local, 18, le(7, 4), {.descriptor = true}); },
     "other sizes or another CRC"},
    {"descriptor's CRC", [] { return with_bytes(&ZipPlaces::descriptor, 4, le(7, 4), {.descriptor = true}); },
     "does not agree with the directory"},
    {"descriptor's size", [] { return with_bytes(&ZipPlaces::descriptor, 12, le(7, 4), {.descriptor = true}); },
     "does not agree with the directory"},
    {"descriptor's signature", [] { return with_bytes(&ZipPlaces::descriptor, 0, "XX", {.descriptor = true}); },
     "damaged data descriptor"},
    {"wide descriptor's size",
     [] { return with_bytes(&ZipPlaces::descriptor, 20, le(7, 4), {.descriptor = true, .zip64 = true}); },
     "does not agree with the directory"},
    {"no descriptor where one is announced",
     [] {
       ZipPlaces places;
       std::string zip = entries({{.name = "a", .content = kGood, .flags = 8}});
       return zip;
     },
     "no data descriptor right behind it"},
    {"stored, and the descriptor's signature in it",
     [] { return entries({{.name = "a", .content = "..PK\7\10..", .deflate = false, .descriptor = true}}); },
     "a streaming reader would end it too early"},
    {"stored, two sizes",
     [] {
       ZipPlaces places;
       std::string zip = zip_of({{.name = "a", .content = kGood, .deflate = false}}, {}, &places);
       overwrite(zip, places.central[0] + 24, le(7, 4));
       return zip;
     },
     "is stored, and has two sizes"},
    {"a zip64 field that nothing refers to",
     [] { return entries({{.name = "a", .central_extra = extra_field(1, le(0, 8))}}); }, "where none is needed"},
    {"a local zip64 field that nothing refers to",
     [] { return entries({{.name = "a", .local_extra = extra_field(1, le(0, 8))}}); }, "where none is needed"},
    {"an empty zip64 field", [] { return entries({{.name = "a", .central_extra = extra_field(1, "")}}); },
     "where none is needed"},
    {"no zip64 field", [] { return with_bytes(&ZipPlaces::central, 42, le(0xFFFFFFFF, 4)); }, "has no zip64 field"},
    {"two zip64 fields",
     [] { return entries({{.name = "a", .zip64 = true, .central_extra = extra_field(1, le(0, 8))}}); },
     "two extra fields of one kind"},
    {"half an extra field", [] { return entries({{.name = "a", .local_extra = "\1\0\7\0x"s}}); }, "not whole"},
    {"a Unicode path in the local header",
     [] { return entries({{.name = "a", .local_extra = extra_field(0x7075, "\1abcdb")}}); }, "Unicode path field"},
    {"a Unicode path too short", [] { return entries({{.name = "a", .local_extra = extra_field(0x7075, "\1a")}}); },
     "Unicode path field"},
    {"no name", [] { return entries({{.name = ""}}); }, "an entry has no name"},
    {"a line break", [] { return entries({{.name = "a\nb"}}); }, "a line break"},
    {"a name too long", [] { return entries({{.name = std::string(kLongestName + 1, 'n')}}); },
     "a name has 4097 bytes"},
    {"a folder with content", [] { return entries({{.name = "a/", .content = kGood}}); }, "a folder with content"},
    {"a folder by its mode", [] { return entries({{.name = "a", .mode = S_IFDIR | 0755}}); },
     "a folder by its attributes and a file by its name"},
    {"a folder by its DOS attribute", [] { return with_bytes(&ZipPlaces::central, 38, le(0x10, 1)); },
     "a folder by its attributes and a file by its name"},
    {"a folder that is a link", [] { return entries({{.name = "a/", .mode = S_IFLNK | 0777}}); }, "a symbolic link"},
    {"a name twice, once as ./",
     [] {
       return entries({{.name = "./a"}, {.name = "./a"}});
     },
     "\"./a\" is in it twice"},
    {"a folder twice",
     [] {
       return entries({{.name = "a/"}, {.name = "a/"}});
     },
     "\"a/\" is in it twice"},
    {"damaged data", [] { return with_bytes(&ZipPlaces::data, 0, "\xff\xff"); }, "its data is damaged"},
};

TEST(ZipReader, WhatBreaksARuleIsAmbiguousAndSaysWhich) {
  for (const Spoiled& row : kSpoiled) {
    const Examination read = read_bytes(row.bytes());
    EXPECT_NE(read.ambiguous.find(row.reason), std::string::npos) << row.what << ": \"" << read.ambiguous << "\"";
    EXPECT_EQ(read.files, Manifest{}) << row.what;
    EXPECT_EQ(read.findings, std::vector<Finding>{}) << row.what;
  }
}

TEST(ZipReader, WhatLiesBetweenEntriesOrOverlapsIsAmbiguous) {
  ZipPlaces places;
  const std::string whole = zip_of({{.name = "a", .content = kGood}, {.name = "b", .content = kGood}}, {}, &places);
  std::string gap = whole;
  gap.insert(places.local[1], "gap");
  overwrite(gap, places.central[1] + 3 + 42, le(places.local[1] + 3, 4));
  overwrite(gap, places.end + 3 + 16, le(places.directory + 3, 4));
  EXPECT_EQ(read_bytes(gap).ambiguous, "\"a\" is followed by bytes that no entry has");
  std::string overlap = whole;
  overwrite(overlap, places.central[1] + 42, le(places.local[1] - 3, 4));
  EXPECT_EQ(read_bytes(overlap).ambiguous, "\"a\" overlaps with what follows");
}

TEST(ZipReader, AStreamThatYieldsLessOrIsCutOffIsAmbiguous) {
  // Both headers say one more byte, or one less of packed data, than there is.
  ZipPlaces places;
  const std::string whole = zip_of({{.name = "a", .content = kGood}}, {}, &places);
  std::string more = whole;
  for (const std::size_t at : {places.local[0] + 22, places.central[0] + 24})
    overwrite(more, at, le(kGood.size() + 1, 4));
  EXPECT_EQ(read_bytes(more).ambiguous, "\"a\" unpacks to less than it says");

  const std::size_t packed = places.descriptor[0] - places.data[0];
  std::string cut = whole;
  cut.erase(places.descriptor[0] - 1, 1);
  for (const std::size_t at : {places.local[0] + 18, places.central[0] - 1 + 20}) overwrite(cut, at, le(packed - 1, 4));
  overwrite(cut, places.end - 1 + 16, le(places.directory - 1, 4));
  EXPECT_EQ(read_bytes(cut).ambiguous, "\"a\" is cut off");
}

TEST(ZipReader, CapsAreHeldAndNamed) {
  const std::string two = zip_of({{.name = "a", .content = kGood}, {.name = "b", .content = kGood}});
  EXPECT_EQ(read_bytes(two, {.files = 2}).ambiguous, "");
  EXPECT_EQ(read_bytes(two, {.files = 1}).ambiguous, "it has 2 entries; 1 are read");
  EXPECT_EQ(read_bytes(two, {.unpacked = 2 * kGood.size()}).ambiguous, "");
  EXPECT_EQ(read_bytes(two, {.unpacked = 2 * kGood.size() - 1}).ambiguous,
            "it unpacks to more than " + std::to_string(2 * kGood.size() - 1) + " bytes");
  EXPECT_EQ(read_bytes(two, {.package = two.size()}).ambiguous, "");
  const Examination large = read_bytes(two, {.package = two.size() - 1});
  EXPECT_EQ(large.ambiguous,
            "it has " + std::to_string(two.size()) + " bytes; " + std::to_string(two.size() - 1) + " are read");
  EXPECT_EQ(large.package_bytes, two.size());
}

TEST(ZipReader, ABombIsRefusedBeforeItIsUnpacked) {
  const std::string zeros(kRatioCounts / 2, '\0');
  EXPECT_EQ(read_bytes(zip_of({{.name = "a", .content = zeros}, {.name = "b", .content = zeros}})).ambiguous, "");
  EXPECT_EQ(read_bytes(zip_of({{.name = "a", .content = zeros}, {.name = "b", .content = zeros + "0"}})).ambiguous,
            "it unpacks to more than 250 times its size");
}

TEST(ZipReader, ReasonsAreHarmless) {
  const std::string nasty = "\x1b[31m\xe2\x80\xae" + std::string(300, '\x9b');
  const Examination read = read_bytes(zip_of({{.name = nasty}, {.name = nasty}}));
  EXPECT_EQ(harmless(read.ambiguous), read.ambiguous);
  EXPECT_NE(read.ambiguous.find("\\u{1b}[31m"), std::string::npos);
  EXPECT_LT(read.ambiguous.size(), 300U);
}

TEST(ZipReader, WhatIsNoFileIsAnErrorAndNotAmbiguous) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd in(ends[0]), out(ends[1]);
  EXPECT_THROW(read_package(in.get(), {}), std::runtime_error);
  EXPECT_THROW(read_package(-1, {}), std::system_error);
}

// ---- one file
// --------------------------------------------------------------------------------------------------------

TEST(ExtractFile, OneFilesContentComesByTheNameInTheManifest) {
  const std::string bytes =
      zip_of({{.name = "./a", .content = kGood}, {.name = "f/"}, {.name = "b\0c"s, .content = "1"}});
  const UniqueFd fd = package_file(bytes);
  EXPECT_EQ(*extract_file(fd.get(), "a", {}, 1000), kGood);
  EXPECT_EQ(*extract_file(fd.get(), "b\0c"s, {}, 1), "1");
  EXPECT_EQ(extract_file(fd.get(), "f/", {}, 1000).error().message, "the package has no file \"f/\"");
  EXPECT_EQ(extract_file(fd.get(), "./a", {}, 1000).error().message, "the package has no file \"./a\"");
  EXPECT_EQ(extract_file(fd.get(), "a", {}, kGood.size() - 1).error().message, "\"a\" has 33 bytes; 32 are shown");
}

TEST(ExtractFile, OfAnAmbiguousPackageNothingComes) {
  const UniqueFd fd = package_file(hostile("02-name-mismatch"));
  EXPECT_EQ(extract_file(fd.get(), "index.py", {}, 1000).error().message,
            "the package is ambiguous: \"index.py\" is named \"evil1.py\" in front of its data");
  const UniqueFd damaged = package_file(hostile("19-bad-crc"));
  EXPECT_FALSE(extract_file(damaged.get(), "index.py", {}, 1000));
}

}  // namespace
}  // namespace codedriftd::test
