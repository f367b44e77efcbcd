#include "service/control_verbs.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <map>

#include "base/json.h"
#include "base/log.h"
#include "service/alert_actions.h"

namespace codedriftd {
namespace {

constexpr Millis kBetweenDenials{60'000};
/// Users that are told apart; more are one.
constexpr std::size_t kMostUsers = 64;
constexpr uid_t kOthers = static_cast<uid_t>(-1);

/// The work behind the socket. One thread, the server's.
class ControlVerbs {
 public:
  ControlVerbs(std::string state, Writer& writer, Ledger& ledger, const Clock& clock)
      : state_(std::move(state)), writer_(writer), ledger_(ledger), clock_(clock) {}

  JsonBox answer(const Caller& caller, std::string_view verb, const JsonBox& request) {
    constexpr std::string_view kAlerts = "alerts.";
    if (!verb.starts_with(kAlerts))
      return control_error("unknown_verb",
                           fmt::format("there is no verb \"{}\"; there are alerts.replay, alerts.drop and "
                                       "alerts.test",
                                       verb));
    if (const auto state = request->find("state"); state != request->end() && *state != state_) {
      return control_error("other_state",
                           "the daemon that listens there keeps another state_dir; its runtime_dir must be its own");
    }
    const auto arguments = request->find("args");
    auto asked = read_alert_request(verb.substr(kAlerts.size()),
                                    arguments == request->end() ? JsonBox(Json::object()) : JsonBox(*arguments));
    if (!asked) return control_error("usage", asked.error().message);
    std::optional<Result<JsonBox, NothingDone>> result;
    writer_.run([&](Tx& tx) { result = perform(tx, ledger_, *asked, caller, clock_.wall()); });
    if (!result->ok()) return control_error(result->error().code, result->error().message);
    log(LogLevel::info, "control.done", fmt::format("{} asked for {}", caller.actor, verb),
        {field("claimed", caller.claimed.empty() ? "-" : caller.claimed)});
    return Json{{"done", **result.value()}};
  }

  void denied(const Caller& caller, const std::string& verb, const JsonBox& request) {
    Denials& denials = denials_of(caller.uid);
    const MonoTime now = clock_.mono();
    if (denials.recorded_at && now - *denials.recorded_at < kBetweenDenials) {
      ++denials.unrecorded;
      return;
    }
    NewEvent event;
    event.kind = "control.denied";
    event.severity = Severity::warning;
    event.actor = caller.actor;
    event.data = Json{{"uid", caller.uid}, {"verb", verb.empty() ? Json() : Json(verb)}, {"target", aimed_at(request)}};
    if (!caller.claimed.empty()) (*event.data)["claimed"] = caller.claimed;
    event.facts.summary = fmt::format("{} may not ask for {}.", caller.actor, verb.empty() ? "anything" : verb);
    if (denials.unrecorded > 0) {
      event.facts.summary +=
          fmt::format(" {} more such requests came since the last event about this.", denials.unrecorded);
    }
    denials = {now, 0};
    // It may run after this object: what it needs outlives the server.
    writer_.post(
        [&ledger = ledger_, event = std::move(event), at = clock_.wall()](Tx& tx) { ledger.append(tx, event, at); });
  }

 private:
  struct Denials {
    std::optional<MonoTime> recorded_at;
    uint64_t unrecorded = 0;
  };
  Denials& denials_of(uid_t uid) {
    const bool known = denials_.contains(uid) || denials_.size() < kMostUsers;
    return denials_[known ? uid : kOthers];
  }
  /// The destination a request is about.
  static Json aimed_at(const JsonBox& request) {
    const auto arguments = request->find("args");
    if (arguments == request->end() || !arguments->is_object()) return {};
    for (const char* name : {"to", "alert"}) {
      const auto member = arguments->find(name);
      if (member != arguments->end() && member->is_string()) return clean_claim(member->get_ref<const std::string&>());
    }
    return {};
  }

  const std::string state_;
  Writer& writer_;
  Ledger& ledger_;
  const Clock& clock_;
  std::map<uid_t, Denials> denials_;
};

}  // namespace

std::string folder_identity(const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return {};
  return fmt::format("{}:{}", info.st_dev, info.st_ino);
}

Result<std::unique_ptr<ControlServer>> open_control(const ControlPlaces& places, Writer& writer, Ledger& ledger,
                                                    const Clock& clock) {
  const auto verbs = std::make_shared<ControlVerbs>(folder_identity(places.state_dir), writer, ledger, clock);
  ControlServer::Options options;
  options.folder = places.runtime_dir;
  options.allowed = places.allowed;
  return ControlServer::open(
      std::move(options),
      [verbs](const Caller& caller, std::string_view verb, const JsonBox& request) {
        return verbs->answer(caller, verb, request);
      },
      [verbs](const Caller& caller, const std::string& verb, const JsonBox& request) {
        verbs->denied(caller, verb, request);
      });
}

}  // namespace codedriftd
