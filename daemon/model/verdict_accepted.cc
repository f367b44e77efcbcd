#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "model/deciding.h"

namespace codedriftd {
namespace {

constexpr std::size_t kMostAnnounced = 8;

bool pinned(const TargetState& state) { return state.pin || state.content_pin; }

/// What is announced, in words.
std::string named(const Target& target, const std::optional<Sha256>& sha256,
                  const std::optional<ContentDigest>& content) {
  if (sha256) return fmt::format("{} {}", words_for(target).noun, sha256->hex());
  return "content " + (content ? content->text() : std::string("unknown"));
}

}  // namespace

// ---- the configuration ----------------------------------------------------------------------------------------

void Deciding::take(const Watched& watched) {
  const bool added = !before_.watched;
  const bool pin_changed = before_.pin != watched.pin || before_.content_pin != watched.content_pin;
  TargetState& s = state();
  s.watched = true;
  s.baseline = watched.baseline;
  s.pin = watched.pin;
  s.content_pin = watched.content_pin;
  s.pin_where = pinned(s) ? watched.pin_where : std::string();
  s.interval = watched.interval;
  s.stale_after = watched.stale_after;
  s.deploy_grace = watched.deploy_grace;
  s.examine_within = watched.examine_within;
  s.same_content_accepted = watched.same_content_accepted;
  s.ignore = watched.ignore;
  s.touched_alerts = watched.touched_alerts;
  if (added) add(watch_added(scene(kConfig)));
  if (pin_changed) {
    change_pin(watched);
  } else if (added) {
    // The grace of a pin counts from the load that asks for it.
    for (Announcement& a : s.announced) {
      if (a.pin && !a.overdue) a.valid_until = std::max(a.valid_until, now_ + s.deploy_grace);
    }
  }
}

/// A pin came, changed or went. Everything that was announced before is dropped: the configuration was written after
/// it. While there is a pin, nothing but the pin can be announced.
void Deciding::change_pin(const Watched& watched) {
  TargetState& s = state();
  supersede(s.announced.size(), kConfig);
  if (!pinned(s)) return;
  const auto is_pinned = [&](const std::optional<Sha256>& hash, const std::optional<KnownContent>& content) {
    return watched.pin ? hash == watched.pin : content && content->digest == *watched.content_pin;
  };
  const bool live = !s.missing && is_pinned(s.live, s.live_content);
  if (live || is_pinned(s.accepted, s.accepted_content)) {
    const Sha256 hash = live ? *s.live : *s.accepted;
    if (s.accepted == hash && s.accepted_source == AcceptedSource::pin) return;
    const auto previous = s.accepted;
    accept(hash, AcceptedSource::pin);
    add(baseline_set(scene(kConfig), previous));
    if (s.drift_open && live) close_drift("pinned", previous, kConfig);
  } else if (s.accepted) {
    s.announced.push_back(
        {watched.pin, true, now_, now_ + s.deploy_grace, false, {}, {}, std::string(kConfig), {}, watched.content_pin});
    add(deploy_event(scene(kConfig), "deploy.expected", s.announced.back()));
  }
  // With nothing accepted the pin is accepted at the next sight (accept_first): a reload opens no drift.
}

void Deciding::take(const Unwatched&) {
  if (!before_.watched) return;
  state().watched = false;
  add(watch_removed(scene(kConfig)));
}

// ---- people and pipelines -------------------------------------------------------------------------------------

void Deciding::refuse(std::string why) { decision_ = {before_, {}, std::move(why)}; }

bool Deciding::refused_for_configuration() {
  if (!before_.watched) {
    refuse("it is not watched: no [[function]] of the configuration names it");
  } else if (pinned(before_)) {
    refuse(fmt::format("pinned at {}, change it there", before_.pin_where));
  }
  return decision_.refused.has_value();
}

void Deciding::take(const Approved& approved) {
  if (refused_for_configuration()) return;
  const KindWords& words = words_for(target_);
  const auto seen = [&] {
    return fmt::format("{} {}, since {} (last answer {})", words.noun, before_.live->hex(),
                       before_.live_since ? rfc3339(*before_.live_since) : "an unknown time",
                       before_.last_success_at ? rfc3339(*before_.last_success_at) : "unknown");
  };
  if (before_.missing) {
    return refuse(fmt::format("there is nothing to approve: the function is missing since {} ({}){}",
                              before_.status_since ? rfc3339(*before_.status_since) : "an unknown time",
                              harmless(before_.missing_code),
                              before_.live ? fmt::format("; it last {} {}", words.ran, seen()) : std::string()));
  }
  if (!before_.live) return refuse(fmt::format("there is nothing to approve: its {} was never seen", words.noun));
  if (*before_.live != approved.sha256)
    return refuse(fmt::format("that hash is not live: it {} {}", words.runs, seen()));

  expire(false);
  const auto previous = state().accepted;
  accept(approved.sha256, AcceptedSource::approval);
  add(baseline_set(scene(approved.actor), previous,
                   {approved.reason, approved.ticket, approved.claimed, approved.attested}));
  if (state().drift_open) close_drift("approved", previous, approved.actor);
}

void Deciding::take(const Expected& expected) {
  if (refused_for_configuration()) return;
  if (expected.valid_until <= now_) {
    return refuse(fmt::format("the announcement would be valid until {}, which is not in the future (now {})",
                              rfc3339(expected.valid_until), rfc3339(now_)));
  }
  const bool live = before_.live && !before_.missing &&
                    (expected.sha256 ? *before_.live == *expected.sha256
                                     : before_.live_content && before_.live_content->digest == expected.content);
  if (live && before_.accepted != before_.live) {
    return refuse(
        fmt::format("{} is live already, since {}, and not accepted: only approve accepts what is already live",
                    named(target_, expected.sha256, expected.content),
                    before_.live_since ? rfc3339(*before_.live_since) : "an unknown time"));
  }
  expire(false);
  auto& announced = state().announced;
  // Announced again: its place is behind what was announced in between, and only the newer promise counts.
  announced.erase(std::remove_if(announced.begin(), announced.end(),
                                 [&](const Announcement& a) {
                                   return a.sha256 == expected.sha256 && a.content == expected.content;
                                 }),
                  announced.end());
  if (!live && announced.size() >= kMostAnnounced) {
    return refuse(fmt::format(
        "{} deployments are announced and open already, which is the most; the next to expire is at {}", kMostAnnounced,
        rfc3339(std::min_element(announced.begin(), announced.end(), [](const auto& a, const auto& b) {
                  return a.valid_until < b.valid_until;
                })->valid_until)));
  }
  const Announcement announcement{expected.sha256,
                                  false,
                                  now_,
                                  expected.valid_until,
                                  false,
                                  clean_utf8(expected.build),
                                  clean_utf8(expected.commit),
                                  expected.actor,
                                  expected.claimed,
                                  expected.content,
                                  expected.attested};
  if (live) {
    // Nothing will change: the pipeline built what is accepted and live. An approval says more than that and stays.
    if (state().accepted_source == AcceptedSource::first_seen) accept(*before_.live, AcceptedSource::deploy);
    add(deploy_event(scene(expected.actor), "deploy.arrived", announcement));
    supersede(announced.size(), expected.actor);
    return;
  }
  announced.push_back(announcement);
  add(deploy_event(scene(expected.actor), "deploy.expected", announcement));
}

void Deciding::take(const Withdrawn& withdrawn) {
  expire(false);
  auto& announced = state().announced;
  std::vector<Announcement> gone;
  for (const Announcement& each : announced) {
    const bool named_one = withdrawn.sha256 || withdrawn.content;
    const bool this_one = each.sha256 == withdrawn.sha256 && each.content == withdrawn.content;
    if (!each.pin && (!named_one || this_one)) gone.push_back(each);
  }
  if (gone.empty()) {
    return refuse(withdrawn.sha256 || withdrawn.content
                      ? named(target_, withdrawn.sha256, withdrawn.content) + " is not announced"
                      : std::string("no deployment is announced"));
  }
  for (const Announcement& each : gone) {
    announced.erase(std::find(announced.begin(), announced.end(), each));
    NewEvent event = deploy_event(scene(withdrawn.actor), "deploy.withdrawn", each);
    event.facts.reason = clean_utf8(withdrawn.reason);
    (*event.data)["reason"] = event.facts.reason;
    (*event.data).erase("claimed");
    if (!withdrawn.claimed.empty()) (*event.data)["claimed"] = clean_utf8(withdrawn.claimed);
    add(std::move(event));
  }
}

}  // namespace codedriftd
