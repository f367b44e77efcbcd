#include "model/verdict_events.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "model/changes.h"
#include "model/kinds.h"

namespace codedriftd {
namespace {

/// FunctionIds have 12 characters.
constexpr std::size_t kLongestId = 64;

Json text_json(std::string_view text) { return or_null(clean_utf8(text)); }

NewEvent new_event(const Scene& scene, std::string_view kind, Severity severity) {
  NewEvent event;
  event.kind = kind;
  event.severity = severity;
  event.actor = scene.actor;
  event.target = scene.target.address();
  event.facts.observed = scene.state.live;
  event.facts.accepted = scene.state.accepted;
  // The newest one, which is what people wait for.
  if (!scene.state.announced.empty()) event.facts.expected = scene.state.announced.back().sha256;
  if (scene.inside != nullptr) event.facts.changes = scene.inside->changes;
  event.facts.drift_since = scene.state.drift_since;
  event.facts.request_id = clean_utf8(scene.request_id);
  return event;
}

/// The data of every drift event, out of its facts.
void set_drift_data(NewEvent& event) {
  event.data = Json{{"observed_sha256", or_null(event.facts.observed)},
                    {"accepted_sha256", or_null(event.facts.accepted)},
                    {"previous_sha256", or_null(event.facts.previous)},
                    {"drift_since", or_null(event.facts.drift_since)},
                    {"request_id", text_json(event.facts.request_id)}};
}

/// The texts of a value that is no code, where they are known.
void set_value(NewEvent& event, const Scene& scene) {
  if (kind_of_qualifier(scene.target.qualifier) == TargetKind::code) return;
  (*event.data)["value"] = text_json(scene.value);
  (*event.data)["previous_value"] = event.facts.previous ? text_json(scene.value_before) : Json();
}

/// What is known of the inside of what drifts, and why no more is.
void set_examined(NewEvent& event, const Scene& scene) {
  event.awaits_explanation =
      scene.obtainable && scene.state.package == PackageState::unknown && scene.unexamined.empty();
  if (scene.inside == nullptr) {
    if (scene.state.package != PackageState::unknown || !scene.unexamined.empty())
      (*event.data)["examined"] = to_string(scene.state.package);
    if (!scene.unexamined.empty()) (*event.data)["examined_why"] = scene.unexamined;
    return;
  }
  (*event.data)["examined"] = to_string(scene.inside->package);
  if (!scene.inside->why.empty()) (*event.data)["examined_why"] = clean_utf8(scene.inside->why);
  if (!scene.inside->changes->is_null()) (*event.data)["changes"] = *scene.inside->changes;
  if (!scene.inside->changes_words.empty()) event.facts.summary += " " + as_sentence(scene.inside->changes_words);
}

/// A version that was published: a number, whose code is meant never to change again.
bool published_version(const Target& target) {
  return target.qualifier.find_first_not_of("0123456789") == std::string::npos;
}

/// The announcement, if there is exactly one and its time is not over: then a hash that comes instead is a deployment
/// that went wrong, and the alert says what it should have been. With two of them nobody can tell which one was meant.
const Announcement* only_announced(const TargetState& state) {
  return state.announced.size() == 1 && !state.announced.front().overdue ? &state.announced.front() : nullptr;
}

/// The data of both poll events, out of their facts.
void set_poll_data(NewEvent& event, const std::optional<WallTime>& last_success_at) {
  event.data = Json{{"reason", text_json(event.facts.reason)},
                    {"error", *event.facts.error},
                    {"last_success_at", or_null(last_success_at)}};
}

std::string_view how_resolved(std::string_view resolution) {
  if (resolution == "approved") return "was approved";
  if (resolution == "deployed") return "is the deployment that was announced";
  if (resolution == "pinned") return "is the one pinned in the configuration";
  return "is the accepted one again";
}

std::string_view source_words(AcceptedSource source) {
  switch (source) {
    case AcceptedSource::first_seen:
      return "trusted on first sight, not reviewed";
    case AcceptedSource::approval:
      return "approved";
    case AcceptedSource::pin:
      return "pinned in the configuration";
    case AcceptedSource::deploy:
      return "deployed as announced";
    case AcceptedSource::content:
      return "the content that was accepted, packed anew";
  }
  return "";
}

std::string deploy_summary(std::string_view kind, const Target& target, const Announcement& a) {
  const std::string address = target.address();
  const KindWords& words = words_for(target);
  const std::string hash = a.content ? a.content->text() : short_hash(a.sha256);
  const std::string what =
      fmt::format("the {} {}", a.pin ? "newly pinned" : "announced", a.content ? "content" : words.noun);
  if (kind == "deploy.expected") {
    return fmt::format("{} is to {} {} {} by {}.", address, words.run, what, hash, rfc3339(a.valid_until));
  }
  if (kind == "deploy.arrived") return fmt::format("{} now {} {} {}.", address, words.runs, what, hash);
  if (kind == "deploy.superseded") {
    return fmt::format("{} no longer waits for {} {}: something newer took its place.", address, what, hash);
  }
  if (kind == "deploy.withdrawn") {
    return fmt::format("{} no longer waits for {} {}: its announcement was withdrawn.", address, what, hash);
  }
  return a.pin ? fmt::format("{} still does not {} {} {}, due by {}.", address, words.run, what, hash,
                             rfc3339(a.valid_until))
               : fmt::format("{} did not get {} {} by {}; should it still arrive, it counts as drift.", address, what,
                             hash, rfc3339(a.valid_until));
}

/// What vouches for what the event is about.
void set_attested(NewEvent& event, const std::optional<Attestation>& attested) {
  if (!attested) return;
  event.facts.summary += fmt::format(" Attested by key {}{}{}.", attested->key,
                                     attested->builder.empty() ? "" : ", builder " + harmless(attested->builder),
                                     attested->source.empty() ? "" : ", source " + harmless(attested->source));
  (*event.data)["attested_by"] = attested->key;
  (*event.data)["attestation"] = Json{{"sha256", attested->sha256.hex()},
                                      {"key_id", attested->key_id},
                                      {"predicate_type", text_json(attested->predicate_type)},
                                      {"builder", text_json(attested->builder)},
                                      {"source", text_json(attested->source)},
                                      {"commit", text_json(attested->commit)},
                                      {"sent_by", attested->sent_by}};
}

}  // namespace

Json error_json(const std::optional<PollError>& error) {
  if (!error) return {};
  return {{"code", clean_utf8(error->code)},
          {"message", clean_utf8(error->message)},
          {"request_id", text_json(error->request_id)}};
}

std::string short_hash(const std::optional<Sha256>& hash) { return hash ? hash->hex().substr(0, 12) : "no hash"; }

NewEvent drift_event(const Scene& scene, bool again, const std::optional<Sha256>& previous) {
  NewEvent event = new_event(scene, drift_kind(scene.target, again), Severity::critical);
  // Drift can open without a change of what is live (another pin was loaded): then there is no previous code.
  if (previous != scene.state.live) event.facts.previous = previous;
  const KindWords& words = words_for(scene.target);
  const std::string live = short_hash(scene.state.live), accepted = short_hash(scene.state.accepted);
  const bool published = published_version(scene.target);
  if (event.kind == kLayersKind || event.kind == kAliasKind) {
    event.facts.summary = value_summary(scene, event.facts.previous);
  } else if (published && event.facts.previous) {
    event.facts.summary = fmt::format(
        "{} is a published version, whose code is meant never to change, and yet it changed from code {} to {}; the "
        "accepted code is {}.",
        *event.target, short_hash(previous), live, accepted);
  } else if (!scene.state.accepted) {
    event.facts.summary = fmt::format("{} changed from {} {} to {} while nobody has accepted either.", *event.target,
                                      words.noun, short_hash(previous), live);
  } else if (again) {
    event.facts.summary = fmt::format("{0} changed again, from {1} {2} to {3}; the accepted {1} is {4}.", *event.target,
                                      words.noun, short_hash(previous), live, accepted);
  } else {
    event.facts.summary =
        fmt::format("{0} {1} {2} {3}, which is neither accepted nor announced; the accepted {2} is {4}.", *event.target,
                    words.runs, words.noun, live, accepted);
  }
  set_drift_data(event);
  set_value(event, scene);
  set_examined(event, scene);
  if (published) (*event.data)["published_version"] = true;
  if (const Announcement* announced = only_announced(scene.state)) {
    const std::string_view who = announced->pin ? "newly pinned" : "announced";
    if (announced->sha256) {
      event.facts.summary +=
          fmt::format(" It differs from the {} {} {}.", who, words.noun, short_hash(announced->sha256));
      (*event.data)["expected_sha256"] = announced->sha256->hex();
    } else if (announced->content && scene.state.package == PackageState::examined) {
      event.facts.summary += fmt::format(" It differs from the {} content {}.", who, announced->content->text());
    }
    if (announced->content) (*event.data)["expected_content"] = announced->content->text();
  }
  return event;
}

NewEvent drift_resolved(const Scene& scene, std::string_view resolution, const std::optional<Sha256>& previous,
                        const std::optional<WallTime>& drift_since) {
  NewEvent event = new_event(scene, "drift.resolved", Severity::info);
  event.facts.previous = previous;
  event.facts.drift_since = drift_since;
  event.facts.resolution = resolution;
  event.facts.summary = fmt::format("{} no longer drifts: its {} {} {}.", *event.target, words_for(scene.target).noun,
                                    short_hash(scene.state.live), how_resolved(resolution));
  set_drift_data(event);
  set_value(event, scene);
  (*event.data)["resolution"] = resolution;
  if (published_version(scene.target)) (*event.data)["published_version"] = true;
  return event;
}

NewEvent drift_reminder(const Target& target, const TargetState& state, WallTime now) {
  NewEvent event = new_event({target, state, now}, kReminderKind, Severity::critical);
  const StatusView view = status_of(state, now, DaemonStay{now});
  event.facts.status = event.facts.previous_status = to_string(view.status);
  event.facts.reason = view.reason;
  const KindWords& words = words_for(target);
  event.facts.summary = fmt::format("{0} still drifts, since {1}: {2} {3} {4} {5}; the accepted {4} is {6}.",
                                    *event.target, state.drift_since ? rfc3339(*state.drift_since) : "an unknown time",
                                    view.status == Status::missing ? "it is missing, and last" : "it",
                                    view.status == Status::missing ? words.ran : words.runs, words.noun,
                                    short_hash(state.live), short_hash(state.accepted));
  return event;
}

NewEvent function_missing(const Scene& scene) {
  NewEvent event = new_event(scene, "function.missing", Severity::critical);
  event.facts.reason = clean_utf8(scene.state.missing_code);
  event.facts.error = error_json(scene.state.last_error);
  event.facts.summary = scene.state.live
                            ? fmt::format("{} was not found, twice in a row ({}); it last {} {} {}.", *event.target,
                                          harmless(event.facts.reason), words_for(scene.target).ran,
                                          words_for(scene.target).noun, short_hash(scene.state.live))
                            : fmt::format("{} was not found, twice in a row ({}), and was never seen before.",
                                          *event.target, harmless(event.facts.reason));
  event.data = Json{{"code", text_json(scene.state.missing_code)}, {"request_id", text_json(scene.request_id)}};
  return event;
}

NewEvent function_returned(const Scene& scene) {
  NewEvent event = new_event(scene, "function.returned", Severity::info);
  event.facts.summary = fmt::format("{} was found again; it {} {} {}.", *event.target, words_for(scene.target).runs,
                                    words_for(scene.target).noun, short_hash(scene.state.live));
  event.data = Json{{"observed_sha256", or_null(scene.state.live)}};
  return event;
}

NewEvent function_recreated(const Scene& scene, const Listed& before) {
  NewEvent event = new_event(scene, "function.recreated", Severity::critical);
  const auto named = [](std::string_view id, const std::optional<WallTime>& added_at) {
    return fmt::format("{}, created {}", id.empty() ? "one without a known id" : harmless(clean_utf8(id, kLongestId)),
                       added_at ? "at " + rfc3339(*added_at) : "at an unknown time");
  };
  const TargetState& now = scene.state;
  event.facts.summary = fmt::format(
      "{} is another function than before: {}, took the place of {}. What was accepted was accepted of the function "
      "that is gone.",
      *event.target, named(now.function_id, now.added_at), named(before.function_id, before.added_at));
  event.data = Json{{"function_id", or_null(clean_utf8(now.function_id, kLongestId))},
                    {"previous_function_id", or_null(clean_utf8(before.function_id, kLongestId))},
                    {"added_at", or_null(now.added_at)},
                    {"previous_added_at", or_null(before.added_at)}};
  return event;
}

NewEvent function_touched(const Scene& scene) {
  NewEvent event = new_event(scene, "function.touched", Severity::info);
  const std::string_view noun = words_for(scene.target).noun;
  event.alertable = scene.state.touched_alerts;
  event.facts.summary = fmt::format(
      "{0} was written at {1}, and its {2} is as before: configuration was changed, or the {2} was changed and changed "
      "back between two polls.",
      *event.target, scene.state.modified_at ? rfc3339(*scene.state.modified_at) : "an unknown time", noun);
  event.data = Json{{"modified_at", or_null(scene.state.modified_at)}, {"observed_sha256", or_null(scene.state.live)}};
  return event;
}

NewEvent poll_failing(const Scene& scene) {
  NewEvent event = new_event(scene, "poll.failing", Severity::warning);
  event.facts.reason = scene.state.failing_reason;
  event.facts.error = error_json(scene.state.last_error);
  const std::string seen = scene.state.last_success_at
                               ? fmt::format("its last answer came at {}", rfc3339(*scene.state.last_success_at))
                               : std::string("it never had an answer");
  event.facts.summary = fmt::format("{} cannot be seen ({}); {}, so a change would go unnoticed.", *event.target,
                                    harmless(scene.state.failing_reason), seen);
  set_poll_data(event, scene.state.last_success_at);
  return event;
}

NewEvent poll_recovered(const Scene& scene, const TargetState& before) {
  NewEvent event = new_event(scene, "poll.recovered", Severity::info);
  event.facts.reason = before.failing_reason;
  event.facts.error = error_json(before.last_error);
  event.facts.summary = before.last_success_at
                            ? fmt::format("{} can be seen again; before that its last answer came at {}.",
                                          *event.target, rfc3339(*before.last_success_at))
                            : fmt::format("{} can be seen, for the first time.", *event.target);
  event.alertable = !before.failing_quiet;
  set_poll_data(event, before.last_success_at);
  return event;
}

NewEvent deploy_event(const Scene& scene, std::string_view kind, const Announcement& announcement) {
  const bool overdue = kind == "deploy.overdue";
  NewEvent event = new_event(scene, kind, overdue ? Severity::warning : Severity::info);
  event.facts.expected = announcement.sha256;
  if (overdue) event.facts.reason = "overdue";
  event.facts.summary = deploy_summary(kind, scene.target, announcement);
  event.data = Json{{"expected_sha256", or_null(announcement.sha256)},
                    {"valid_until", rfc3339(announcement.valid_until)},
                    {"build", text_json(announcement.build)},
                    {"commit", text_json(announcement.commit)}};
  if (announcement.content) (*event.data)["expected_content"] = announcement.content->text();
  if (kind != "deploy.expected") (*event.data)["announced_by"] = clean_utf8(announcement.actor);
  if (!announcement.claimed.empty()) (*event.data)["claimed"] = clean_utf8(announcement.claimed);
  set_attested(event, announcement.attested);
  return event;
}

NewEvent baseline_set(const Scene& scene, const std::optional<Sha256>& previous, const Grounds& grounds) {
  NewEvent event = new_event(scene, "baseline.set", Severity::info);
  event.facts.previous = previous;
  event.facts.reason = clean_utf8(grounds.reason);
  event.facts.summary = fmt::format("{}: {} {} is accepted now ({}).", *event.target, words_for(scene.target).noun,
                                    short_hash(scene.state.accepted), source_words(scene.state.accepted_source));
  event.data = Json{{"accepted_sha256", or_null(scene.state.accepted)},
                    {"source", to_string(scene.state.accepted_source)},
                    {"reason", text_json(grounds.reason)},
                    {"ticket", text_json(grounds.ticket)},
                    {"previous_sha256", or_null(previous)}};
  if (!grounds.claimed.empty()) (*event.data)["claimed"] = clean_utf8(grounds.claimed);
  set_attested(event, grounds.attested);
  return event;
}

NewEvent package_examined(const Scene& scene, const Examined& examined) {
  NewEvent event = new_event(scene, "package.examined", Severity::info);
  const Inside& inside = examined.inside;
  event.facts.reason = inside.package == PackageState::examined ? std::string() : clean_utf8(inside.why);
  const std::string digest = inside.content ? inside.content->digest.text() : "that cannot be held against others";
  event.facts.summary =
      inside.package == PackageState::examined
          ? fmt::format("{}: code {} holds {} file{}, content {}.", *event.target, short_hash(examined.sha256),
                        examined.files, examined.files == 1 ? "" : "s", digest)
          : fmt::format("{}: the package of code {} can be read in more than one way: {}.", *event.target,
                        short_hash(examined.sha256), harmless(event.facts.reason));
  event.data = Json{{"sha256", examined.sha256.hex()},
                    {"content", inside.content ? Json(inside.content->digest.text()) : Json()},
                    {"files", examined.files},
                    {"findings", examined.findings},
                    {"ambiguous", text_json(event.facts.reason)}};
  return event;
}

NewEvent package_mismatch(const Scene& scene, const Examined& examined) {
  NewEvent event = new_event(scene, "package.mismatch", Severity::warning);
  event.facts.reason = clean_utf8(examined.inside.why);
  event.facts.summary = fmt::format(
      "{}: the package that the cloud hands out is not code {}, which it says is live; it was asked for three times.",
      *event.target, short_hash(examined.sha256));
  event.data = Json{{"sha256", examined.sha256.hex()}, {"reason", text_json(event.facts.reason)}};
  return event;
}

NewEvent watch_added(const Scene& scene) {
  NewEvent event = new_event(scene, "watch.added", Severity::info);
  event.facts.summary = fmt::format("{} is watched from now on.", *event.target);
  event.data = Json{{"pin", or_null(scene.state.pin)}};
  if (scene.state.content_pin) (*event.data)["content_pin"] = scene.state.content_pin->text();
  return event;
}

NewEvent watch_removed(const Scene& scene) {
  const bool open = scene.state.drift_open;
  NewEvent event = new_event(scene, "watch.removed", open ? Severity::warning : Severity::info);
  event.facts.summary =
      open ? fmt::format("{} is no longer watched, though it still {} {} {}, which nobody accepted.", *event.target,
                         words_for(scene.target).runs, words_for(scene.target).noun, short_hash(scene.state.live))
           : fmt::format("{} is no longer watched.", *event.target);
  event.data = Json{{"open_drift", open}};
  return event;
}

}  // namespace codedriftd
