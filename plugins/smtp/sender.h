#pragma once
#include <memory>
#include <string_view>

#include "base/result.h"
#include "http_sink/mask.h"
#include "http_sink/sender.h"
#include "smtp/mail.h"
#include "smtp/recipients.h"

namespace codedriftd::smtp {

/// The plugin's options, checked.
struct Options {
  Server server;
  Envelope envelope;
  Millis timeout{30'000};
};
/// From what open() is given; an error, which repeats no secret, for what cannot work.
Result<Options> read_options(std::string_view config_json);

class Smtp final : public http_sink::Sender {
 public:
  explicit Smtp(Options options);
  http_sink::Outcome deliver(const http_sink::Incoming& alert, const http_sink::Patience& patience) override;
  /// Connects and logs in; nobody gets mail.
  http_sink::Outcome probe(const http_sink::Patience& patience) override;
  Millis timeout() const override { return options_.timeout; }

 private:
  http_sink::Outcome masked(http_sink::Outcome outcome) const;

  Options options_;
  http_sink::Mask mask_;
  Recipients recipients_;
};

Result<std::unique_ptr<http_sink::Sender>> open(std::string_view config_json);

}  // namespace codedriftd::smtp
