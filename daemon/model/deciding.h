#pragma once
/// One decision while it is made. Private to model/: decide() is what others call.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "model/verdict.h"
#include "model/verdict_events.h"
#include "model/verdict_time.h"

namespace codedriftd {

inline constexpr std::string_view kConfig = "config";

/// `before_` is what was; decision_.state becomes what is.
class Deciding {
 public:
  Deciding(const Target& target, const TargetState& before, WallTime now)
      : target_(target), before_(before), now_(not_before(before, now)), decision_{before, {}, std::nullopt} {}

  // In verdict.cc: what is live, and time.
  void take(const Observation& observation);
  void take(const Examined& examined);
  void take(const Tick& tick);
  // In verdict_listed.cc: the function itself.
  void take(const Listed& told);
  // In verdict_accepted.cc: the configuration, people and pipelines.
  void take(const Watched& watched);
  void take(const Unwatched&);
  void take(const Approved& approved);
  void take(const Expected& expected);
  void take(const Withdrawn& withdrawn);

  Decision finish() &&;

 private:
  TargetState& state() { return decision_.state; }
  Scene scene(std::string_view actor = "daemon") const {
    return {target_, decision_.state, now_,        actor,         request_id_,
            inside_, obtainable_,     unexamined_, value_before_, value_};
  }
  void add(NewEvent event) { decision_.events.push_back(std::move(event)); }
  void refuse(std::string why);

  void see(const Observation& observation);
  void not_found(const Observation& observation);
  void no_answer(const Observation& observation);
  void settle_touched(const Observation& observation);
  void see_modified(const Listed& listed);
  void answered();
  void learn(const Inside& inside);
  void judge(const Sha256& hash, const std::optional<Sha256>& previous);
  void accept_first(const Sha256& hash, const std::optional<Sha256>& previous);
  bool accept_as_content(const Sha256& hash, const std::optional<Sha256>& previous);
  bool content_awaited() const;
  bool waits_for_examination(const std::optional<Sha256>& previous, bool fresh);
  bool can_drift() const;
  void tell(const std::optional<Sha256>& previous, bool changed);
  std::optional<Sha256> stop_waiting();
  void run_out(std::string_view why);
  std::optional<std::size_t> announced_as(const Sha256& hash) const;

  void accept(const Sha256& hash, AcceptedSource source);
  void close_drift(std::string_view resolution, const std::optional<Sha256>& previous,
                   std::string_view actor = "daemon");
  void arrive(std::size_t index, const std::optional<Sha256>& previous);
  void supersede(std::size_t count, std::string_view actor);
  void expire(bool pins_too);
  void change_pin(const Watched& watched);
  bool refused_for_configuration();

  const Target& target_;
  const TargetState& before_;
  const WallTime now_;
  // Of the input, which outlives this object.
  std::string_view request_id_;
  const Inside* inside_ = nullptr;  // of the hash that is live
  bool obtainable_ = false;
  std::string_view value_before_, value_;  // canonical texts of a value, of what was live before and of what is now
  std::string_view unexamined_;            // why an examination is not waited for any longer
  Decision decision_;
};

}  // namespace codedriftd
