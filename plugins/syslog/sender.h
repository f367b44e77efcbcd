#pragma once
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "http_sink/sender.h"
#include "syslog/line.h"
#include "syslog/message.h"

namespace codedriftd::syslog {

/// The plugin's options, checked.
struct Options {
  Address address;
  TlsFiles files;
  Style style;
  Millis timeout{15'000};
};
/// From what open() is given; an error for what cannot work.
Result<Options> read_options(std::string_view config_json);

class Syslog final : public http_sink::Sender {
 public:
  explicit Syslog(Options options) : options_(std::move(options)) {}
  http_sink::Outcome deliver(const http_sink::Incoming& alert, const http_sink::Patience& patience) override;
  /// Connects, and writes nothing.
  http_sink::Outcome probe(const http_sink::Patience& patience) override;
  Millis timeout() const override { return options_.timeout; }

 private:
  Options options_;
};

Result<std::unique_ptr<http_sink::Sender>> open(std::string_view config_json);

}  // namespace codedriftd::syslog
