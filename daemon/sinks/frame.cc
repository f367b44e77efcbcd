#include "sinks/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/sha256.h"

namespace codedriftd {
namespace {

constexpr uint32_t kMagic = 0x43445331;  // "CDS1"
/// Raised with every change of a frame's fields, so that two programs of one version from different sources do not mix.
constexpr std::string_view kWireRevision = "1";
constexpr std::size_t kMaxOptions = 64;

enum class Type : uint16_t { open = 1, deliver, probe, close, describe = 101, unusable, call, log };

// Numbers are written in this machine's byte order: both ends run on it, and are of one build (wire_build), so the wire
// needs neither a byte order nor versions of its fields. It is parsed as strictly as if it came from a stranger all the
// same: a plugin is foreign code, and it has the socket.

class FrameWriter {
 public:
  template <typename T>
  requires std::is_integral_v<T>
  void number(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof value);
  }
  void text(std::string_view text) {
    number(static_cast<uint32_t>(text.size()));
    out_ += text;
  }
  void flag(bool value) { number(static_cast<uint8_t>(value ? 1 : 0)); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Takes fields off a payload. After the first field that is not there everything is zero and empty, and ok() is false.
class FrameReader {
 public:
  explicit FrameReader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  requires std::is_integral_v<T>
  void number(T& value) {
    value = 0;
    const std::string_view bytes = take(sizeof value);
    if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  }
  void text(std::string& text) {
    uint32_t length = 0;
    number(length);
    text = take(length);
  }
  void flag(bool& value) {
    uint8_t byte = 0;
    number(byte);
    if (byte > 1) ok_ = false;
    value = byte == 1;
  }
  /// A number of items that follow, each of at least one byte: a count greater than the bytes that are left is a lie,
  /// and is found out before anything is reserved for it.
  uint32_t count(std::size_t most) {
    uint32_t count = 0;
    number(count);
    if (count > most || count > rest_.size()) ok_ = false;
    return ok_ ? count : 0;
  }
  void fail() { ok_ = false; }
  bool finished() const { return ok_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t length) {
    if (!ok_ || length > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }
  std::string_view rest_;
  bool ok_ = true;
};

// One function for each body and direction; the order of fields is the same in both.

void put(FrameWriter& w, const OpenRequest& r) {
  w.text(r.config_json);
  w.number(static_cast<uint32_t>(r.secret_files.size()));
  for (const auto& [name, path] : r.secret_files) w.text(name), w.text(path);
}
void get(FrameReader& r, OpenRequest& open) {
  r.text(open.config_json);
  open.secret_files.resize(r.count(kMaxOptions));
  for (auto& [name, path] : open.secret_files) r.text(name), r.text(path);
}

void put(FrameWriter& w, const DeliverRequest& r) {
  w.text(r.id), w.text(r.json), w.number(r.attempt), w.number(r.deadline_ns);
}
void get(FrameReader& r, DeliverRequest& d) {
  r.text(d.id), r.text(d.json), r.number(d.attempt), r.number(d.deadline_ns);
}

void put(FrameWriter& w, const ProbeRequest& r) { w.number(r.deadline_ns); }
void get(FrameReader& r, ProbeRequest& probe) { r.number(probe.deadline_ns); }

void put(FrameWriter&, const CloseRequest&) {}
void get(FrameReader&, CloseRequest&) {}

void put(FrameWriter& w, const PluginOption& o) {
  w.text(o.name), w.text(o.help);
  w.flag(o.default_value.has_value()), w.text(o.default_value.value_or(""));
  w.number(static_cast<uint8_t>(o.type)), w.flag(o.required), w.flag(o.secret), w.flag(o.in_file);
  w.number(o.min), w.number(o.max);
  w.number(static_cast<uint32_t>(o.choices.size()));
  for (const std::string& choice : o.choices) w.text(choice);
}
void get(FrameReader& r, PluginOption& o) {
  r.text(o.name), r.text(o.help);
  bool has_default = false;
  std::string default_value;
  r.flag(has_default), r.text(default_value);
  if (!has_default && !default_value.empty()) r.fail();  // what is accepted has exactly one encoding
  if (has_default) o.default_value = std::move(default_value);
  uint8_t type = 0;
  r.number(type), r.flag(o.required), r.flag(o.secret), r.flag(o.in_file);
  if (type < 1 || type > 4) r.fail();
  o.type = static_cast<OptionType>(std::clamp<uint8_t>(type, 1, 4));
  r.number(o.min), r.number(o.max);
  o.choices.resize(r.count(kMaxFramePayload));
  for (std::string& choice : o.choices) r.text(choice);
}

void put(FrameWriter& w, const DescribeReply& d) {
  const PluginInfo& p = d.plugin;
  w.text(d.host_version), w.text(p.name), w.text(p.version);
  w.number(p.abi_minor), w.number(p.alert_schema), w.number(p.per_minute), w.number(p.burst), w.flag(p.can_probe);
  w.number(static_cast<uint32_t>(p.options.size()));
  for (const PluginOption& option : p.options) put(w, option);
}
void get(FrameReader& r, DescribeReply& d) {
  PluginInfo& p = d.plugin;
  r.text(d.host_version), r.text(p.name), r.text(p.version);
  r.number(p.abi_minor), r.number(p.alert_schema), r.number(p.per_minute), r.number(p.burst), r.flag(p.can_probe);
  p.options.resize(r.count(kMaxOptions));
  for (PluginOption& option : p.options) get(r, option);
}

void put(FrameWriter& w, const UnusableReply& u) { w.text(u.text); }
void get(FrameReader& r, UnusableReply& u) { r.text(u.text); }

void put(FrameWriter& w, const CallReply& c) {
  w.number(c.result), w.number(c.retry_after_ms), w.number(c.status), w.text(c.text);
}
void get(FrameReader& r, CallReply& c) {
  r.number(c.result), r.number(c.retry_after_ms), r.number(c.status), r.text(c.text);
}

void put(FrameWriter& w, const LogReply& l) { w.number(l.level), w.number(l.dropped), w.text(l.text); }
void get(FrameReader& r, LogReply& l) { r.number(l.level), r.number(l.dropped), r.text(l.text); }

Type type_of(const OpenRequest&) { return Type::open; }
Type type_of(const DeliverRequest&) { return Type::deliver; }
Type type_of(const ProbeRequest&) { return Type::probe; }
Type type_of(const CloseRequest&) { return Type::close; }
Type type_of(const DescribeReply&) { return Type::describe; }
Type type_of(const UnusableReply&) { return Type::unusable; }
Type type_of(const CallReply&) { return Type::call; }
Type type_of(const LogReply&) { return Type::log; }

template <typename Body>
std::string encode_frame(const Frame<Body>& frame) {
  FrameWriter payload;
  const Type type = std::visit(
      [&](const auto& body) {
        put(payload, body);
        return type_of(body);
      },
      frame.body);
  const std::string bytes = payload.take();
  if (bytes.size() > kMaxFramePayload) return {};
  FrameWriter whole;
  whole.number(kMagic), whole.number(static_cast<uint16_t>(type)), whole.number(uint16_t{0}),
      whole.number(wire_build());
  whole.number(frame.sequence);
  whole.text(bytes);  // a text's length is the head's last member
  return whole.take();
}

/// Tries the alternatives of Body one after the other.
template <typename Body, std::size_t I = 0>
bool read_body(Type type, FrameReader& reader, Body& body) {
  if constexpr (I < std::variant_size_v<Body>) {
    std::variant_alternative_t<I, Body> candidate;
    if (type_of(candidate) != type) return read_body<Body, I + 1>(type, reader, body);
    get(reader, candidate);
    body = std::move(candidate);
    return true;
  } else {
    return false;
  }
}

template <typename Body>
Result<Frame<Body>> parse_frame(std::string_view bytes) {
  if (bytes.size() < kFrameHead)
    return Error{fmt::format("a frame of {} bytes is shorter than its head", bytes.size())};
  if (bytes.size() > kMaxFrame) return Error{fmt::format("a frame of more than {} bytes", kMaxFrame)};
  FrameReader head(bytes.substr(0, kFrameHead));
  uint32_t magic = 0, sequence = 0, length = 0;
  uint16_t type = 0, zero = 0;
  uint64_t build = 0;
  head.number(magic), head.number(type), head.number(zero), head.number(build), head.number(sequence),
      head.number(length);
  if (magic != kMagic) return Error{"not a frame of codedriftd"};
  if (build != wire_build()) {
    return Error{
        fmt::format("codedriftd and codedriftd-sinkhost are of different builds (this one is {}); install both from "
                    "one package and restart codedriftd",
                    CODEDRIFTD_VERSION)};
  }
  if (zero != 0 || length != bytes.size() - kFrameHead) return Error{"a frame whose head does not fit it"};
  Frame<Body> frame;
  frame.sequence = sequence;
  FrameReader payload(bytes.substr(kFrameHead));
  if (!read_body(static_cast<Type>(type), payload, frame.body)) {
    return Error{fmt::format("a frame of type {}, which does not belong here", type)};
  }
  if (!payload.finished()) return Error{fmt::format("a frame of type {} whose fields do not fit", type)};
  return frame;
}

}  // namespace

uint64_t wire_build() {
  static const uint64_t build = [] {
    const Sha256 digest = sha256(fmt::format("{} {}", CODEDRIFTD_VERSION, kWireRevision));
    uint64_t first = 0;
    std::memcpy(&first, digest.bytes.data(), sizeof first);
    return first;
  }();
  return build;
}

std::string encode(const Frame<Request>& frame) { return encode_frame(frame); }
std::string encode(const Frame<Reply>& frame) { return encode_frame(frame); }
Result<Frame<Request>> parse_request(std::string_view bytes) { return parse_frame<Request>(bytes); }
Result<Frame<Reply>> parse_reply(std::string_view bytes) { return parse_frame<Reply>(bytes); }

}  // namespace codedriftd
