/// The frame parsers of both sides: whatever comes, they answer, and what they accept has exactly one encoding.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>

#include "sinks/frame.h"

namespace {

using namespace codedriftd;

void check(std::string_view bytes) {
  if (const auto request = parse_request(bytes)) {
    if (encode(*request) != bytes) std::abort();
  }
  if (const auto reply = parse_reply(bytes)) {
    if (encode(*reply) != bytes) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  // The head has a magic number, a build and a length that chance does not find: the same bytes as type and payload.
  if (size < 1) return 0;
  std::string frame = encode(Frame<Request>{7, CloseRequest{}});
  constexpr uint16_t kTypes[] = {1, 2, 3, 4, 101, 102, 103, 104};
  const uint16_t type = kTypes[data[0] % std::size(kTypes)];
  std::memcpy(frame.data() + 4, &type, sizeof type);
  const auto length = static_cast<uint32_t>(size - 1);
  std::memcpy(frame.data() + kFrameHead - sizeof length, &length, sizeof length);
  frame += bytes.substr(1);
  check(frame);
  return 0;
}
