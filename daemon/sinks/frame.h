#pragma once
/// The private wire between the daemon and codedriftd-sinkhost: one frame is one message on a SOCK_SEQPACKET socket.
///
///   head     magic u32 · type u16 · zero u16 · build u64 · sequence u32 · payload length u32, in the machine's byte
///   order payload  the fields of the type, one after the other: numbers as they are, texts as length u32 and bytes
///
/// It may change with every release: a frame of another build is refused. Neither side trusts the other: a parser takes
/// exactly what encode() makes, and nothing else.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "sinks/channel.h"

namespace codedriftd {

inline constexpr std::size_t kFrameHead = 24;
/// An alert of kMaxAlertBytes and what goes with it.
inline constexpr std::size_t kMaxFramePayload = kMaxAlertBytes + 4096;
inline constexpr std::size_t kMaxFrame = kFrameHead + kMaxFramePayload;

/// The same number in both programs of one build.
uint64_t wire_build();

// What the daemon asks. Times are nanoseconds on CLOCK_MONOTONIC.
struct OpenRequest {
  std::string config_json;                                        ///< an object, without what stands in secret files
  std::vector<std::pair<std::string, std::string>> secret_files;  ///< option name, path
  friend bool operator==(const OpenRequest&, const OpenRequest&) = default;
};
struct DeliverRequest {
  std::string id;
  std::string json;
  uint32_t attempt = 1;
  int64_t deadline_ns = 0;
  friend bool operator==(const DeliverRequest&, const DeliverRequest&) = default;
};
struct ProbeRequest {
  int64_t deadline_ns = 0;
  friend bool operator==(const ProbeRequest&, const ProbeRequest&) = default;
};
struct CloseRequest {
  friend bool operator==(const CloseRequest&, const CloseRequest&) = default;
};
using Request = std::variant<OpenRequest, DeliverRequest, ProbeRequest, CloseRequest>;

// What the host process says.
struct DescribeReply {  ///< first of all, without being asked: sequence 0
  std::string host_version;
  PluginInfo plugin;
};
struct UnusableReply {  ///< instead of DescribeReply: the plugin cannot be loaded, and why
  std::string text;
};
struct CallReply {     ///< to every request but close, with its sequence
  int32_t result = 0;  ///< what the plugin returned, not checked
  uint32_t retry_after_ms = 0;
  int32_t status = 0;
  std::string text;
  friend bool operator==(const CallReply&, const CallReply&) = default;
};
struct LogReply {  ///< at any time, with sequence 0
  int32_t level = 6;
  uint32_t dropped = 0;  ///< lines lost since the last LogReply because the daemon was not reading
  std::string text;
  friend bool operator==(const LogReply&, const LogReply&) = default;
};
using Reply = std::variant<DescribeReply, UnusableReply, CallReply, LogReply>;

template <typename Body>
struct Frame {
  uint32_t sequence = 0;
  Body body;
};

/// The bytes of one frame; empty if its payload would be longer than kMaxFramePayload.
std::string encode(const Frame<Request>& frame);
std::string encode(const Frame<Reply>& frame);

/// The frame in exactly `bytes`; an error for anything else, with what is wrong ("another build" among it).
Result<Frame<Request>> parse_request(std::string_view bytes);
Result<Frame<Reply>> parse_reply(std::string_view bytes);

}  // namespace codedriftd
