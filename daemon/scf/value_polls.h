#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "cloud/pace.h"
#include "scf/api.h"
#include "scf/layer_hashes.h"
#include "scf/read_api.h"
#include "scf/signed_calls.h"

namespace codedriftd {

/// Polls of targets that are no code: the calls that actions_of() names, one after the other, within the account's
/// timeout for one attempt together. A part of CurlApi, whose thread it runs on.
///
/// What comes out is an ApiAnswer like that of code: `sha256` of the value's canonical text (of an image: its digest),
/// and `value`, the text. A function that is being deployed is `updating`. GetLayerVersion has a pace of its own for
/// each limit; what was asked for within a day is not asked for again.
class ValuePolls {
 public:
  /// Both must outlive this.
  ValuePolls(SignedCalls& calls, const Clock& clock) : calls_(calls), clock_(clock) {}

  /// REQUIRES: a target with valid parts whose kind is not `code`. `done` runs inside a later turn of `calls` or of
  /// this.
  void start(const ApiCall& call, Api::Callback done);
  /// Sends calls whose time has come, ends polls whose time is over.
  void turn();
  /// When turn() will next have something to do; MonoTime::max(): not before an answer comes.
  MonoTime next_at() const;
  /// Polls that wait for their pace, and have no call in flight.
  std::size_t waiting() const;
  /// Forgets what layers are: an account's label may stand for another account now.
  void accounts_changed() { layers_.clear(); }

 private:
  struct Poll;
  struct Lane {
    Pace pace{traits(Action::get_layer_version).documented_limit * kShareOfLimit};
    std::deque<std::shared_ptr<Poll>> waiting;
  };
  using Shared = std::shared_ptr<Poll>;

  void send(const Shared& poll, Action action, std::string body, std::function<void(ReadAnswer)> then);
  void take_alias(const Shared& poll, ReadAnswer answer);
  void take_function(const Shared& poll, ReadAnswer answer);
  void take_image(const Shared& poll, const FunctionDetail& detail);
  /// Goes through the layers as far as they are known; nullopt: that was all. Else the one to ask for.
  std::optional<LayerName> next_layer(Poll& poll) const;
  void go_on(const Shared& poll);
  void ask(const Shared& poll, const LayerName& layer, Lane& lane);
  void take_layer(const Shared& poll, const LayerName& layer, ReadAnswer answer);
  void observed(const Shared& poll, const Sha256& sha256, std::string value);
  void failed(const Shared& poll, ApiError error);
  void end(const Shared& poll, ApiAnswer answer);

  SignedCalls& calls_;
  const Clock& clock_;
  LayerHashes layers_;
  std::map<std::string, Lane> lanes_;  ///< of GetLayerVersion, by SignedCalls::limit_key; none is ever removed
};

}  // namespace codedriftd
