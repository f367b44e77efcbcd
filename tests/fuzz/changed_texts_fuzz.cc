// Arbitrary bytes as two states of a file: the diff has both in it, whatever effort there is for it, and what a lock
// file says of versions is one harmless line each.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "package/lock_files.h"
#include "package/text_diff.h"

namespace {

/// The lines of `hunk` that begin with ' ' or with `sign`, without that.
std::string side(std::string_view hunk, char sign) {
  std::string text;
  char last = ' ';
  hunk.remove_prefix(hunk.find('\n') + 1);
  while (!hunk.empty()) {
    const std::string_view line = hunk.substr(0, hunk.find('\n') + 1);
    hunk.remove_prefix(line.size());
    const bool ours = last == ' ' || last == sign;
    if (line.front() == '\\') {
      if (ours) text.pop_back();
      continue;
    }
    last = line.front();
    if (last == ' ' || last == sign) text += line.substr(1);
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string_view before = text.substr(0, text.size() * data[0] / 255);
  const std::string_view after = text.substr(before.size());
  for (const uint64_t effort : {uint64_t{0}, uint64_t{data[1]}, uint64_t{1'000'000}}) {
    const codedriftd::TextDiff diff = codedriftd::text_diff(before, after, {.context = size, .effort = effort});
    if (diff.effort > effort) std::abort();
    if (diff.hunks.empty() != (before == after)) std::abort();
    if (!diff.hunks.empty() && (side(diff.hunks, '-') != before || side(diff.hunks, '+') != after)) std::abort();
    if (!codedriftd::valid_utf8(codedriftd::harmless_diff(diff.hunks))) std::abort();
  }
  for (const char* name : {"package-lock.json", "requirements.txt", "go.sum", "yarn.lock", "uv.lock"}) {
    const auto changes = codedriftd::lock_changes(name, before, after);
    if (!changes) continue;
    if (changes->empty()) std::abort();
    for (const codedriftd::VersionChange& change : *changes) {
      const std::string line = to_string(change);
      if (!codedriftd::valid_utf8(line) || codedriftd::harmless(line) != line) std::abort();
    }
  }
  return 0;
}
