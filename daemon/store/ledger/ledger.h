#pragma once
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/alert.h"
#include "model/verdict.h"
#include "store/db/writer.h"
#include "store/record/history.h"
#include "store/record/targets.h"

namespace codedriftd {

/// Where an `[[alert]]` sends what it wants to hear.
struct Route {
  Subscription subscription;
  Millis give_up_after{};
  std::string fallback;  ///< another route's name, or empty
  Millis reminder{0};    ///< between two words about the same open drift; 0: none
  Millis heartbeat{0};   ///< between two signs of life; 0: none
};

/// Who waits for what is inside a package: nobody, who is to be told of drift, or a verdict.
enum class Urgency { none, alert, verdict };

struct Applied {
  std::vector<LoggedEvent> events;
  std::optional<std::string> refused;
  bool unexamined = false;          ///< what is live was not looked into, and its package can be had
  Urgency urgency = Urgency::none;  ///< of looking into it
};

/// A finished poll.
struct Poll {
  TargetId target = 0;
  Observation observation;
  WallTime at{};
  std::function<void(Tx&, const Applied&)> then;  ///< in the same transaction; empty: nothing
};

/// The one way into the record: an input changes a target's state, adds its events to the log and their alerts to the
/// outbox, all in the caller's transaction. What an observation and an examination are given of the inside of a package
/// is what stands in the record. Belongs to the writer's thread: every call comes from inside a
/// Writer::Work.
class Ledger {
 public:
  struct Hooks {
    std::function<void(const LoggedEvent&)> written;  ///< after the COMMIT, for each event
    std::function<void(const std::string& destination)>
        queued;  ///< after the COMMIT, for each alert put into the outbox
  };
  Ledger(std::string instance, std::string origin, Hooks hooks = {});

  /// The alerts as configured from now on. Kinds and targets are matched when an event is written, and never again.
  void set_routes(std::vector<Route> routes) { routes_ = std::move(routes); }
  /// The pattern of the link that alerts carry from now on (model/alert.h); empty: none.
  void set_link(std::string pattern) { link_ = std::move(pattern); }
  /// How long the alert about a change waits for what changed inside, from now on; 0: it does not.
  void set_explain_within(Millis time) { explain_within_ = time; }
  /// The accounts whose audit log may be read, from now on: what changes in them without an announcement is asked about
  /// (store/record/attributions.h), the first time kFirstAsked after the event.
  void set_audited(std::set<std::string> accounts) { audited_ = std::move(accounts); }
  static constexpr Millis kFirstAsked{120'000};
  const std::string& origin() const { return origin_; }
  /// Event `logged`, about `target` with the row `id`, tells of a change that was made within `window`: it is asked
  /// about if its account's audit log may be read.
  void ask_who(Tx& tx, const LoggedEvent& logged, const Target& target, TargetId id,
               const history::ChangeWindow& window, WallTime now);
  /// The alert of a notice that is not in the record. Thread-safe.
  std::string compose(const Notice& notice, std::string_view id, WallTime time) const {
    return compose_notice(notice, id, time, instance_, origin_);
  }

  /// What `input` does to one target: history, verdict, baselines, events, alerts.
  Applied apply(Tx& tx, TargetId id, const Input& input, WallTime now);
  /// The same for a target whose row is at hand; `row` is what is stored, and is brought up to date.
  Applied apply(Tx& tx, TargetRow& row, const Input& input, WallTime now);
  /// The same for many polls at once, in their order: the rows of all are read together, and what those that changed
  /// nothing leave in the record is written together.
  void apply(Tx& tx, std::span<const Poll* const> polls);
  /// What was found in the package of `code` stands in the record (store/packages/): every watched target of which it
  /// is live or accepted is told.
  void examined(Tx& tx, const Sha256& code, WallTime now);
  /// The same for an account and region. True if `account.failing` is open afterwards.
  bool apply_account(Tx& tx, std::string_view account, std::string_view region, const AccountInput& input,
                     WallTime now);

  /// Adds one event, and an alert for each route that wants it, and was sent what it follows, if it follows another.
  LoggedEvent append(Tx& tx, const NewEvent& event, WallTime now);
  /// Adds one event about a delivery of `destination`; its fallback, if it has one, is told. `undelivered_kind` is the
  /// kind of the alert that was not delivered, if it is about one: if that is itself about a delivery nobody is told,
  /// or two destinations that are each other's fallback would go on for ever.
  LoggedEvent append_about_delivery(Tx& tx, const NewEvent& event, std::string_view destination, WallTime now,
                                    std::string_view undelivered_kind = {});

  /// Puts a notice, an alert that is no event, into the outbox of `to`. Its id.
  std::string tell(Tx& tx, const Route& to, const Notice& notice, WallTime now);
  /// The route of that name as configured now; nullptr: there is none. Valid until the next set_routes().
  const Route* route(std::string_view name) const;
  const std::vector<Route>& routes() const { return routes_; }
  /// Something was made due at `route`: its runner is told once this is committed.
  void ring(Tx& tx, const Route& route);

 private:
  LoggedEvent append(Tx& tx, const NewEvent& event, WallTime at, WallTime now);
  void enqueue(Tx& tx, const LoggedEvent& logged, const Route& route, WallTime now);

  std::string instance_;
  std::string origin_;
  std::string link_;
  Hooks hooks_;
  std::vector<Route> routes_;
  Millis explain_within_{0};
  std::set<std::string> audited_;
};

/// A poll on its way into the record (Writer::post): those that wait there are applied together.
class SeenPoll final : public Batchable {
 public:
  /// `ledger` has to live until it is done.
  SeenPoll(Ledger& ledger, Poll poll) : ledger_(ledger), poll_(std::move(poll)) {}
  void run(Tx& tx, std::span<const Batchable* const> batch) const override;

 private:
  Ledger& ledger_;
  Poll poll_;
};

}  // namespace codedriftd
