#include "scf/value_polls.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>
#include <vector>

#include "base/text.h"
#include "model/value.h"
#include "scf/answer.h"
#include "scf/read_content.h"
#include "scf/requests.h"

namespace codedriftd {
namespace {

bool being_deployed(std::string_view status) {
  return status == "Updating" || status == "Publishing" || status == "Creating";
}

}  // namespace

struct ValuePolls::Poll {
  Target target;
  bool new_connection = false;
  Api::Callback done;
  MonoTime began{}, until{};
  std::string request_id;  ///< of the first answer
  std::optional<Millis> clock_error;
  std::vector<FunctionDetail::Layer> layers;  ///< of the function
  std::vector<UsedLayer> known;               ///< of these, from the first on, those whose hash is known
};

void ValuePolls::start(const ApiCall& call, Api::Callback done) {
  auto poll = std::make_shared<Poll>();
  poll->target = call.target;
  poll->new_connection = call.new_connection;
  poll->done = std::move(done);
  poll->began = clock_.mono();
  poll->until = poll->began + calls_.timeout(call.target.account);
  const Target& target = poll->target;
  if (kind_of_qualifier(target.qualifier) == TargetKind::alias) {
    const std::string_view alias = std::string_view(target.qualifier).substr(kAliasPrefix.size());
    send(poll, Action::get_alias, requests::get_alias(target.ns, target.function, alias),
         [this, poll](ReadAnswer answer) { take_alias(poll, std::move(answer)); });
  } else {
    send(poll, Action::get_function, requests::get_function(target.ns, target.function, kLatestQualifier),
         [this, poll](ReadAnswer answer) { take_function(poll, std::move(answer)); });
  }
}

void ValuePolls::send(const Shared& poll, Action action, std::string body, std::function<void(ReadAnswer)> then) {
  SignedCalls::Call call{.action = action,
                         .account = poll->target.account,
                         .region = poll->target.region,
                         .body = std::move(body),
                         .new_connection = poll->new_connection,
                         .body_cap = kReadBodyCap};
  // All calls of a poll together have the time of one attempt.
  call.at_most = std::max(Millis{1}, std::chrono::ceil<Millis>(poll->until - clock_.mono()));
  calls_.start(std::move(call), [action, poll, then = std::move(then)](const SignedCalls::Reply& reply) {
    ReadAnswer answer =
        reply.not_sent ? read_error(*reply.not_sent) : read_answer_of(action, reply.response, reply.received);
    if (answer.meaning.refresh_credentials) reply.credentials_refused();
    if (poll->request_id.empty()) poll->request_id = answer.error.request_id;
    if (answer.clock_error) poll->clock_error = answer.clock_error;
    then(std::move(answer));
  });
}

void ValuePolls::take_alias(const Shared& poll, ReadAnswer answer) {
  const auto* alias = std::get_if<FoundAlias>(&answer.content);
  if (alias == nullptr) return failed(poll, {std::move(answer.error), answer.meaning});
  std::string text = text_of(alias->route);
  const Sha256 digest = sha256(text);
  observed(poll, digest, std::move(text));
}

void ValuePolls::take_function(const Shared& poll, ReadAnswer answer) {
  auto* detail = std::get_if<FunctionDetail>(&answer.content);
  if (detail == nullptr) return failed(poll, {std::move(answer.error), answer.meaning});
  if (being_deployed(detail->status)) {
    return failed(poll, api_error("Client.Updating", "the function is being deployed: its Status is " + detail->status,
                                  poll->request_id));
  }
  if (kind_of_qualifier(poll->target.qualifier) == TargetKind::image) return take_image(poll, *detail);
  poll->layers = std::move(detail->layers);
  go_on(poll);
}

void ValuePolls::take_image(const Shared& poll, const FunctionDetail& detail) {
  if (const auto digest = image_digest(detail.image_uri)) {
    return observed(poll, *digest, text_of_image(*digest));
  }
  const std::string why =
      detail.image_uri.empty()
          ? "the function runs a package and no container image"
          : fmt::format(
                "its image \"{}\" is named without a digest, so that another one may stand behind the name: "
                "deploy it as REPOSITORY@sha256:…",
                harmless(clean_utf8(detail.image_uri, 300)));
  failed(poll, api_error("Client.NoDigest", why, poll->request_id));
}

std::optional<LayerName> ValuePolls::next_layer(Poll& poll) const {
  while (poll.known.size() < poll.layers.size()) {
    const FunctionDetail::Layer& layer = poll.layers[poll.known.size()];
    LayerName name{poll.target.account, poll.target.region, layer.name, layer.version};
    const auto sha256 = layers_.find(name, clock_.mono());
    if (!sha256) return name;
    poll.known.push_back({layer.name, layer.version, *sha256});
  }
  return std::nullopt;
}

void ValuePolls::go_on(const Shared& poll) {
  if (next_layer(*poll)) {
    // Even the first waits behind those that came before it: they count against the same limit.
    lanes_[calls_.limit_key(poll->target.account)].waiting.push_back(poll);
    return;
  }
  std::string text = text_of(poll->known);
  const Sha256 digest = sha256(text);
  observed(poll, digest, std::move(text));
}

void ValuePolls::turn() {
  for (auto& [key, lane] : lanes_) {
    // Callbacks may start other polls, but those come to a lane only in a later turn of the calls.
    for (std::size_t left = lane.waiting.size(); left > 0; --left) {
      const Shared poll = std::move(lane.waiting.front());
      lane.waiting.pop_front();
      const MonoTime now = clock_.mono();
      const auto layer = next_layer(*poll);  // another poll may have asked for it meanwhile
      if (!layer) {
        go_on(poll);
      } else if (now >= poll->until) {
        failed(poll, api_error("Client.Timeout",
                               fmt::format("waited for the rate limit of {} until the attempt's end",
                                           traits(Action::get_layer_version).name),
                               poll->request_id));
      } else if (lane.pace.take(now)) {
        ask(poll, *layer, lane);
      } else {
        lane.waiting.push_back(poll);
      }
    }
  }
}

MonoTime ValuePolls::next_at() const {
  MonoTime next = MonoTime::max();
  for (const auto& [key, lane] : lanes_) {
    if (!lane.waiting.empty()) next = std::min(next, lane.pace.ready_at());
    for (const Shared& poll : lane.waiting) next = std::min(next, poll->until);
  }
  return next;
}

std::size_t ValuePolls::waiting() const {
  std::size_t count = 0;
  for (const auto& [key, lane] : lanes_) count += lane.waiting.size();
  return count;
}

void ValuePolls::ask(const Shared& poll, const LayerName& layer, Lane& lane) {
  const auto then = [this, poll, layer, &pace = lane.pace, sent = clock_.mono()](ReadAnswer answer) {
    if (answer.meaning.slow_down) {
      pace.refused(sent, clock_.mono());
    } else {
      pace.answered(clock_.mono());
    }
    take_layer(poll, layer, std::move(answer));
  };
  try {
    send(poll, Action::get_layer_version, requests::get_layer_version(layer.name, layer.version), then);
  } catch (const std::exception& error) {  // out of memory or descriptors: this attempt failed, nothing else
    failed(poll, api_error("Client.Network", error.what(), poll->request_id));
  }
}

void ValuePolls::take_layer(const Shared& poll, const LayerName& layer, ReadAnswer answer) {
  if (const auto* version = std::get_if<LayerVersion>(&answer.content)) {
    layers_.add(layer, version->sha256, clock_.mono());
    poll->known.push_back({layer.name, layer.version, version->sha256});
    return go_on(poll);
  }
  ApiError error{std::move(answer.error), answer.meaning};
  error.error.message = fmt::format("layer {}:{}: {}", layer.name, layer.version, error.error.message);
  // It is the layer that is missing: the function is there, and nothing is known of its layers.
  if (error.meaning.outcome == Outcome::missing) {
    error.meaning.outcome = Outcome::failed;
    error.meaning.reason = "failed";
  }
  error.meaning.slow_down = false;  // that is for the pace of the first call, which was not refused
  failed(poll, std::move(error));
}

void ValuePolls::observed(const Shared& poll, const Sha256& sha256, std::string value) {
  ApiAnswer answer;
  answer.observation.outcome = Outcome::observed;
  answer.observation.sha256 = sha256;
  answer.observation.value = std::move(value);
  answer.observation.error.request_id = poll->request_id;
  answer.proves_account = true;
  end(poll, std::move(answer));
}

void ValuePolls::failed(const Shared& poll, ApiError error) { end(poll, error_answer(std::move(error))); }

void ValuePolls::end(const Shared& poll, ApiAnswer answer) {
  answer.clock_error = poll->clock_error;
  answer.took = std::chrono::round<Millis>(clock_.mono() - poll->began);
  const Api::Callback done = std::move(poll->done);
  done(std::move(answer));
}

}  // namespace codedriftd
