#include "store/packages/manifest_ids.h"

#include <limits>

namespace codedriftd::packages {
namespace {

constexpr int64_t kLargestId = std::numeric_limits<int64_t>::max() / 4;

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

/// Takes one from the front of `blob`; nullopt if it is cut off, or longer than it has to be.
std::optional<uint64_t> take_varint(std::string_view& blob) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 9 && i < blob.size(); ++i) {
    const auto byte = static_cast<uint8_t>(blob[i]);
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) != 0) continue;
    if (byte == 0 && i > 0) return std::nullopt;
    blob.remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

uint64_t zigzag(int64_t value) { return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63); }
int64_t unzigzag(uint64_t value) { return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1); }

}  // namespace

std::vector<IdRun> runs_of(const std::vector<int64_t>& ids) {
  std::vector<IdRun> runs;
  for (const int64_t id : ids) {
    if (!runs.empty() && id == runs.back().first + runs.back().count) {
      ++runs.back().count;
    } else {
      runs.push_back({id, 1});
    }
  }
  return runs;
}

std::string encode_runs(const std::vector<IdRun>& runs) {
  std::string blob;
  int64_t end = 0;
  for (const IdRun& run : runs) {
    put_varint(blob, zigzag(run.first - end));
    put_varint(blob, static_cast<uint64_t>(run.count - 1));
    end = run.first + run.count;
  }
  return blob;
}

std::optional<std::vector<IdRun>> decode_runs(std::string_view blob, int64_t most) {
  std::vector<IdRun> runs;
  int64_t end = 0;
  int64_t total = 0;
  while (!blob.empty()) {
    const auto step = take_varint(blob);
    const auto more = step ? take_varint(blob) : std::nullopt;
    if (!more || *more >= static_cast<uint64_t>(most - total)) return std::nullopt;
    const int64_t distance = unzigzag(*step);
    // Two runs where one would do are not what encode_runs() writes.
    if ((distance == 0 && !runs.empty()) || distance > kLargestId || distance < -kLargestId) return std::nullopt;
    const IdRun run{end + distance, static_cast<int64_t>(*more) + 1};
    if (run.first <= 0 || run.first > kLargestId) return std::nullopt;
    total += run.count;
    end = run.first + run.count;
    runs.push_back(run);
  }
  return runs;
}

}  // namespace codedriftd::packages
