#pragma once
/// A plugin in a process of its own, as the way out of one alert destination.
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "sinks/channel.h"
#include "sinks/child.h"

namespace codedriftd {

/// Every step of start() has this long, open() included.
inline constexpr Millis kStartStep{10'000};

struct SinkSpec {
  std::string name;      ///< the [[alert]]'s, for the log
  std::string sinkhost;  ///< the program: find_sinkhost()
  std::string plugin;    ///< the file, an absolute path
  std::map<std::string, OptionValue> options;
  Place place;  ///< of the [[alert]]: where missing options are reported
  Millis start_step = kStartStep;
};

/// The channel through codedriftd-sinkhost. One thread makes every call but cancel(), and must live as long as the
/// child: a child is killed by the kernel when the thread that started it ends. start() reads secret files anew. Throws
/// std::system_error if this process has no descriptors left.
class SinkProcess final : public SinkChannel {
 public:
  explicit SinkProcess(SinkSpec spec);
  ~SinkProcess() override;  ///< stops

  Result<PluginInfo, StartFailure> start() override;
  bool running() override;
  bool ended_from_outside() const override { return ended_from_outside_; }
  DeliveryAnswer deliver(std::string_view id, std::string_view json, uint32_t attempt, Millis timeout) override;
  DeliveryAnswer probe(Millis timeout) override;
  bool files_changed() override;
  void cancel() override;
  void stop() override;

 private:
  /// A reply, or why there is none; then the child is gone.
  std::variant<CallReply, DeliveryAnswer> call(const Request& request, MonoTime deadline);
  DeliveryAnswer answer(const Request& request, MonoTime deadline);
  DeliveryAnswer lost(std::string_view why);
  Result<PluginInfo, StartFailure> open(const PluginInfo& plugin);

  SinkSpec spec_;
  std::unique_ptr<SinkChild> child_;
  std::map<std::string, std::string> files_;  ///< what the plugin was opened with: path, and a mark of its state then
  uint32_t sequence_ = 0;
  bool ended_from_outside_ = false;
  std::atomic<bool> cancelled_{false};
  UniqueFd wake_;  ///< readable for good once cancelled
};

/// The host program: beside this executable, else ../libexec/codedriftd/ from it, else where packages install it. The
/// first that exists; the last, if none does.
std::string find_sinkhost();

/// What the plugin in the file `plugin` says about itself; its open() is not called. `refused`: it cannot be loaded
/// safely, or is no plugin, and the message says what to do. `fault`: its process did not start, crashed, or said
/// nothing within `at_most`.
Result<PluginInfo, StartFailure> describe_plugin(const std::string& sinkhost, const std::string& plugin,
                                                 Millis at_most = kStartStep);

}  // namespace codedriftd
