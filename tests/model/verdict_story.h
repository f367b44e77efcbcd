#pragma once
/// A target's life told in short words, for the verdict's tests. Hashes are letters: 'A' is sha256("A"). Contents are
/// small letters; what was examined has modes as well, which are usual or not.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/kinds.h"
#include "model/verdict.h"

namespace codedriftd::story {

using namespace std::chrono_literals;

inline const Target kTarget{"prod", "ap-guangzhou", "default", "charge", "$LATEST"};
inline constexpr WallTime kStart{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};

inline Sha256 hash(char letter) { return sha256(std::string_view(&letter, 1)); }

/// The letter of a hash; '-' for none and '?' for a hash that is no letter's.
inline char letter(const std::optional<Sha256>& value) {
  static const std::map<Sha256, char> kLetters = [] {
    std::map<Sha256, char> letters;
    for (char c = 'A'; c <= 'Z'; ++c) letters[hash(c)] = c;
    return letters;
  }();
  if (!value) return '-';
  const auto found = kLetters.find(*value);
  return found == kLetters.end() ? '?' : found->second;
}
/// The same for a member of an event's data.
inline char letter(const Json& hex) {
  if (hex.is_null()) return '-';
  const auto value = Sha256::from_hex(hex.get<std::string>());
  return value ? letter(value) : '?';
}

inline ContentDigest content(char letter) { return {hash(letter)}; }
inline KnownContent known(char letter, bool usual_modes = true) {
  return {content(letter), sha256(std::string(usual_modes ? "usual " : "other ") + letter)};
}
inline char letter(const std::optional<ContentDigest>& value) {
  for (char c = 'a'; value && c <= 'z'; ++c) {
    if (*value == content(c)) return c;
  }
  return value ? '?' : '-';
}

// ---- inputs -----------------------------------------------------------------------------------------------------

inline Input see(char c) { return Observation{Outcome::observed, hash(c), {"", "", "req-1"}, "", false}; }
/// The same with a link to the package, of which nothing is known.
inline Input see_new(char c) {
  Observation seen = std::get<Observation>(see(c));
  seen.obtainable = true;
  return seen;
}
inline Inside inside(char c, bool usual_modes = true) {
  return {PackageState::examined, known(c, usual_modes), "", {}};
}
/// The same of a hash that was examined before.
inline Input see_known(char c, char content) {
  Observation seen = std::get<Observation>(see_new(c));
  seen.inside = inside(content);
  return seen;
}
inline Input examined(char c, char content, bool usual_modes = true) {
  return Examined{hash(c), inside(content, usual_modes), 3, 0};
}
inline Input looked_in_vain(char c, PackageState state, std::string why) {
  return Examined{hash(c), {state, std::nullopt, std::move(why), {}}, 0, 0};
}
inline Input ambiguous(char c) { return looked_in_vain(c, PackageState::ambiguous, "two entries share a name"); }
inline Input unavailable(char c) { return looked_in_vain(c, PackageState::unavailable, "HTTP 403"); }
inline Input mismatch(char c) { return looked_in_vain(c, PackageState::mismatch, "other bytes came"); }
inline Input gone(std::string code = "ResourceNotFound.Function") {
  return Observation{Outcome::missing, std::nullopt, {std::move(code), "no such function", "req-2"}, "", false};
}
inline Input no_answer(Outcome outcome, std::string reason, std::string code) {
  return Observation{outcome, std::nullopt, {std::move(code), "try later", "req-3"}, std::move(reason), false};
}
inline Input failed() { return no_answer(Outcome::failed, "failed", "InternalError"); }
inline Input denied() { return no_answer(Outcome::denied, "denied", "UnauthorizedOperation.CAM"); }
inline Input updating() { return no_answer(Outcome::updating, "updating", "FailedOperation.FunctionStatusError"); }
inline Input tick(Millis unseen = 0ms, bool account_failing = false) { return Tick{unseen, account_failing}; }
inline Input watch(char pin = '-', Baseline baseline = Baseline::first_seen) {
  Watched watched{{}, "conf.d/pay.toml:12", baseline, 5min, 20min, 1h};
  if (pin != '-') watched.pin = hash(pin);
  return watched;
}
/// Pinned to a content.
inline Input watch_content(char c) {
  Watched watched = std::get<Watched>(watch());
  watched.content_pin = content(c);
  return watched;
}
inline Input review() { return watch('-', Baseline::review); }
inline Input unwatch() { return Unwatched{}; }
inline Input approve(char c) { return Approved{hash(c), "looked at it", "OPS-1", "uid:1001(alice)"}; }
/// Valid until `valid` after the story's start.
inline Input expect(char c, Millis valid = 2h) {
  return Expected{hash(c), kStart + valid, "https://ci.example/7", "c0ffee", "uid:1002(ci)"};
}

inline Input expect_content(char c, Millis valid = 2h) {
  Expected expected = std::get<Expected>(expect('A', valid));
  expected.sha256.reset();
  expected.content = content(c);
  return expected;
}

/// A listing shows the function; times are after the story's start, in whole seconds as the cloud has them.
/// `clock_error`: this machine's clock minus the cloud's.
inline Input listed(std::string id, std::optional<Millis> added, std::optional<Millis> modified,
                    Millis clock_error = 0ms) {
  const auto at = [](const std::optional<Millis>& after) {
    return after ? std::optional(kStart + *after) : std::nullopt;
  };
  return Listed{std::move(id), at(added), at(modified), clock_error};
}
/// The same as see() of a call that was sent `asked` after the story's start.
inline Input see_asked(char c, Millis asked) {
  Observation seen = std::get<Observation>(see(c));
  seen.asked_at = kStart + asked;
  return seen;
}
/// function.touched is to alert.
inline Input watch_touched() {
  Watched watched = std::get<Watched>(watch());
  watched.touched_alerts = true;
  return watched;
}

// ---- what came of them ------------------------------------------------------------------------------------------

/// "KIND and what matters of its data"; in front `!` if it alerts by default.
inline std::string brief(const NewEvent& event) {
  const Json& d = *event.data;
  const auto is = [&](std::string_view group) { return event.kind.starts_with(group); };
  std::string text = event.alertable && alerts_by_default(event) ? "!" : "";
  text += event.kind;
  const auto add = [&](char c) { (text += ' ') += c; };
  const auto add_text = [&](const Json& value) { (text += ' ') += value.is_null() ? "-" : value.get<std::string>(); };
  if (about_drift(event.kind)) {  // observed accepted previous
    add(letter(d["observed_sha256"]));
    add(letter(d["accepted_sha256"]));
    add(letter(d["previous_sha256"]));
    if (d.contains("resolution")) add_text(d["resolution"]);
    if (d.contains("examined")) (text += " [") += d["examined"].get<std::string>() + "]";
  } else if (is("baseline.")) {  // accepted source previous
    add(letter(d["accepted_sha256"]));
    add_text(d["source"]);
    add(letter(d["previous_sha256"]));
  } else if (is("deploy.")) {
    add(d.contains("expected_content") ? letter(ContentDigest::parse(d["expected_content"].get<std::string>()))
                                       : letter(d["expected_sha256"]));
  } else if (is("package.")) {
    add(letter(d["sha256"]));
    if (d.contains("content") && !d["content"].is_null())
      add(letter(ContentDigest::parse(d["content"].get<std::string>())));
  } else if (is("function.")) {
    if (d.contains("code")) add_text(d["code"]);
    if (d.contains("function_id")) add_text(d["function_id"]);
    if (d.contains("previous_function_id")) add_text(d["previous_function_id"]);
    if (d.contains("observed_sha256")) add(letter(d["observed_sha256"]));
  } else if (is("poll.")) {
    add_text(d["reason"]);
  } else if (event.kind == "watch.added") {
    add(letter(d["pin"]));
  } else if (event.kind == "watch.removed") {
    text += d["open_drift"].get<bool>() ? " drifted" : " calm";
  }
  return text;
}

inline std::string brief(const std::vector<NewEvent>& events) {
  std::string text;
  for (const NewEvent& event : events) (text += text.empty() ? "" : "; ") += brief(event);
  return text;
}

/// "STATUS LIVE/ACCEPTED", then the source and announced hashes if there are any, then the reason in parentheses.
inline std::string brief(const TargetState& state, WallTime now) {
  const StatusView view = status_of(state, now, DaemonStay{now});
  std::string text = std::string(to_string(view.status)) + " " + letter(state.live) + "/" + letter(state.accepted);
  if (state.accepted) (text += " ") += to_string(state.accepted_source);
  for (const Announcement& a : state.announced) (text += " +") += a.content ? letter(a.content) : letter(a.sha256);
  if (!view.reason.empty()) text += " (" + view.reason + ")";
  return text;
}

/// One input and what it should bring. An `events` that begins with "refused: " is the text of a refusal.
struct Step {
  Input input;
  std::string events;
  std::string status;
  Millis after = 1min;  ///< how long after the step before
};

struct Case {
  std::string name;
  std::vector<Step> steps;
  std::string qualifier = kTarget.qualifier;
};
inline void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
inline std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.name; }

// How many stories begin.
inline const Step kWatched{watch(), "watch.added -", "unobserved -/- (never_polled)"};
inline const Step kInSync{see('A'), "baseline.set A first_seen -", "in_sync A/A first_seen"};
inline const Step kDrifted{see('X'), "!drift.detected X A A", "drifted X/A first_seen"};

/// Plays the steps and checks each.
inline void play(const Case& c) {
  TargetState state;
  WallTime now = kStart;
  Target target = kTarget;
  target.qualifier = c.qualifier;
  for (std::size_t i = 0; i < c.steps.size(); ++i) {
    const Step& step = c.steps[i];
    now += step.after;
    const Decision decision = decide(target, state, step.input, now);
    const std::string happened = decision.refused ? "refused: " + *decision.refused : brief(decision.events);
    EXPECT_EQ(happened, step.events) << c.name << ", step " << i + 1;
    EXPECT_EQ(brief(decision.state, now), step.status) << c.name << ", step " << i + 1;
    if (decision.refused) {
      EXPECT_TRUE(decision.events.empty()) << c.name << ", step " << i + 1;
      EXPECT_EQ(decision.state, state) << c.name << ", step " << i + 1 << ": a refused input changed the state";
    }
    state = decision.state;
  }
}

}  // namespace codedriftd::story
