#pragma once
/// A day in the life of some functions, for the tests of the audit report: everything that it tells of happens in it.
#include "base/json.h"
#include "model/event.h"
#include "store/ledger/suspensions.h"
#include "support/recorded.h"

namespace codedriftd::test {

/// What nobody should ever see as anything but text.
inline constexpr const char* kHostile = "<script>alert(1)</script> | `x` \u202Eevil ]]> \" ' & **bold**";

/// The story lasts six hours from Recorded::at(0). The functions: charge drifts and is approved; refund is deployed as
/// announced, and drifts at the end; ledger drifts since before the third hour, is missing at the end; mail cannot be
/// seen for a while; old is removed; pinned gets a new pin; held has its alerts held.
class ReportStory {
 public:
  static WallTime hour(double hours) { return Recorded::at(hours * 3600); }
  static WallTime end() { return hour(6); }

  ReportStory() {
    hurry(r.db());
    facts::write(r.db(), "log_origin", "ops-1/codedriftd");
    const int64_t first = daemon_runs::begin(r.db(), 1, hour(0));
    note("daemon.started", "daemon", {{"previous_stop", nullptr}}, hour(0));
    r.watch({"charge", "refund", "ledger", "mail", "old", "held"}, hour(0));
    for (double minute = 1; minute <= 150; minute += 3) poll(minute / 60);
    daemon_runs::end(r.db(), first, hour(2.5));
    note("daemon.stopped", "daemon", Json::object(), hour(2.5));
    const int64_t second = daemon_runs::begin(r.db(), 2, hour(3));
    note("daemon.started", "daemon", {{"previous_stop", "clean"}}, hour(3));
    Watched pinned = Recorded::minutely();
    pinned.pin = Recorded::hash("A");
    pinned.pin_where = "codedriftd.toml:9";
    WatchList list;
    list.digest = sha256("the second configuration").hex();
    for (const char* function : {"charge", "refund", "ledger", "mail", "held"})
      list.entries.push_back({Target::parse(Recorded::address(function)).value(), Recorded::minutely()});
    list.entries.push_back({Target::parse(Recorded::address("pinned")).value(), pinned});
    r.write([&](Tx& tx) { sync_watch_list(tx, r.ledger(), list, hour(3.01)); });
    for (double minute = 181; minute <= 360; minute += 3) poll(minute / 60);
    daemon_runs::alive(r.db(), second, end());
    r.db().run(
        "INSERT INTO outbox (alert_id, destination, event_seq, kind, target, body, state, attempts, created_at_ms, "
        "next_attempt_at_ms, give_up_at_ms, last_error) VALUES ('deadalert1', 'ops', NULL, 'drift.detected', "
        "'prod/ap-guangzhou/default/charge:$LATEST', ?, 'dead', 7, 1795485600000, 0, 0, '<b>410 Gone</b>')",
        Blob{"{}"});
  }

  Recorded r;

 private:
  void note(std::string kind, std::string actor, Json data, WallTime at) {
    NewEvent event;
    event.kind = std::move(kind);
    event.severity = event.kind == "control.denied" ? Severity::warning : Severity::info;
    event.actor = std::move(actor);
    event.data = std::move(data);
    r.write([&](Tx& tx) { r.ledger().append(tx, event, at); });
  }

  bool once(double hours, double when) { return hours >= when && hours < when + 0.05; }

  void poll(double h) {
    const WallTime now = hour(h);
    r.observed("charge", h < 1 ? "A" : h < 1.5 ? "B" : "C", now);
    if (once(h, 2)) r.input("charge", Approved{Recorded::hash("C"), kHostile, "OPS-1", "uid:1001(alice)", "bob"}, now);
    if (once(h, 0.5))
      r.input("refund", Expected{Recorded::hash("D"), hour(2), "https://ci.example/7", "c0ffee", "uid:1002(ci)"}, now);
    r.observed("refund", h < 1.2 ? "A" : h < 5.5 ? "D" : "X", now);
    if (h < 5) {
      r.observed("ledger", h < 2.2 ? "A" : "B", now);
    } else {
      r.failed("ledger", Outcome::missing, "ResourceNotFound.Function", now);
    }
    if (h < 3.5 || h > 4.5) {
      r.observed("mail", "A", now);
    } else {
      r.failed("mail", Outcome::denied, "UnauthorizedOperation.CAM", now, kHostile, "denied");
      if (once(h, 4)) r.input("mail", Tick{Millis{1'800'000}, false}, now);
    }
    r.observed("held", "A", now);
    if (once(h, 2.1)) {
      r.write([&](Tx& tx) {
        suspensions::begin(tx, r.ledger(), targets::find(r.db(), Recorded::address("held")).value(),
                           {now, hour(48), "uid:1001(alice)", "", "maintenance <i>now</i>"});
      });
      note("control.denied", "uid:1005(mallory)",
           {{"verb", "approve"}, {"target", Recorded::address("charge")}, {"reason", kHostile}, {"uid", 1005}}, now);
    }
    if (h < 3) {
      r.observed("old", "A", now);
    } else {
      r.observed("pinned", h < 4 ? "A" : "P", now);
      if (once(h, 3.8)) {
        Watched next = Recorded::minutely();
        next.pin = Recorded::hash("P");
        next.pin_where = "codedriftd.toml:9";
        r.input("pinned", next, now);
      }
    }
  }
};

}  // namespace codedriftd::test
