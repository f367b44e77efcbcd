#include "control/verbs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "actions/alert_actions.h"
#include "actions/package_actions.h"
#include "actions/poll_requests.h"
#include "actions/reconcile_actions.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/log.h"
#include "control/package_file.h"
#include "store/packages/packages.h"

namespace codedriftd {
namespace {

constexpr Millis kBetweenDenials{60'000};
/// Users that are told apart; more are one.
constexpr std::size_t kMostUsers = 64;
constexpr uid_t kOthers = static_cast<uid_t>(-1);

/// The target or destination that a request is about, as its client wrote it.
std::optional<std::string> aimed_at(const Json& arguments) {
  if (!arguments.is_object()) return std::nullopt;
  for (const char* name : {"target", "to", "alert"}) {
    const auto member = arguments.find(name);
    if (member != arguments.end() && member->is_string()) return clean_claim(member->get_ref<const std::string&>());
  }
  const auto items = arguments.find("items");
  if (items != arguments.end() && items->is_array() && items->size() == 1) return aimed_at(items->front());
  return std::nullopt;
}

/// The work behind the socket. Thread-safe.
class ControlVerbs {
 public:
  explicit ControlVerbs(const ControlParts& parts)
      : parts_(parts), state_(folder_identity(parts.state_dir)), tickets_(Tickets(parts.clock)) {}

  JsonBox answer(const Caller& caller, std::string_view name, const JsonBox& request, Millis within) {
    // Before it counts for anything: its client has given up, or is about to.
    if (within <= Millis{0}) return control_error("failed", "it was not begun in time; nothing was done");
    const MonoTime until = parts_.clock.mono() + within;
    const auto verb = std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const Verb& v) { return v.name == name; });
    if (verb == std::end(kVerbs)) {
      std::vector<std::string_view> names;
      for (const Verb& each : kVerbs) names.push_back(each.name);
      return control_error("unknown_verb",
                           fmt::format("there is no verb \"{}\"; there are {}", name, fmt::join(names, ", ")));
    }
    const bool permitted = verb->permission.empty() || permissions()->may(caller, verb->permission);
    if (!permitted && !vouched_for(name, request)) {
      return control_error("denied", denied(caller, name, request));
    }
    if (const auto state = request->find("state"); state != request->end() && *state != state_) {
      return control_error("other_state",
                           "the daemon that listens there keeps another state_dir; its runtime_dir must be its own");
    }
    if (const Millis wait = verb->asks_only ? Millis{0} : pace(caller, name == "alerts.test" || !permitted);
        wait > Millis{0}) {
      return control_error("failed", fmt::format("you have asked for this too often; ask again in {}",
                                                 format_duration(std::chrono::ceil<std::chrono::seconds>(wait))));
    }
    const auto arguments = request->find("args");
    const auto done = (this->*verb->answer)(
        {caller, name, until, permitted}, arguments == request->end() ? JsonBox(Json::object()) : JsonBox(*arguments));
    if (!done) return control_error(done.error().code, done.error().message);
    log(verb->asks_only ? LogLevel::debug : LogLevel::info, "control.done",
        fmt::format("{} asked for {}", caller.actor, name),
        {field("claimed", caller.claimed.empty() ? std::nullopt : std::optional(caller.claimed))});
    return Json{{"done", **done}};
  }

  /// Records it; what the caller is told.
  std::string denied(const Caller& caller, std::string_view name, const JsonBox& request) {
    record_denial(caller, name, request);
    const auto verb = std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const Verb& v) { return v.name == name; });
    const std::string who = fmt::format("permission denied: the daemon sees you as {}; ", caller.actor);
    if (verb == std::end(kVerbs) || verb->permission.empty())
      return who + "[control] in its configuration allows you nothing";
    return who + fmt::format("[control] {} in its configuration allows {}", verb->permission,
                             permissions()->allowed(verb->permission));
  }

  bool trusts() const { return !parts_.trust.copy()->keys.empty(); }
  /// An announcement of what an attestation names, and of nothing else: who sends that does not matter, as long as
  /// there is a key whose word counts.
  bool vouched_for(std::string_view name, const JsonBox& request) const {
    if (name != "expect" || !request->is_object() || !trusts()) return false;
    const auto arguments = request->find("args");
    if (arguments == request->end() || !arguments->is_object()) return false;
    const auto items = arguments->find("items");
    if (items == arguments->end() || !items->is_array() || items->size() != 1) return false;
    const Json& item = items->front();
    if (!item.is_object() || item.size() != 2 || !item.contains("target")) return false;
    const auto attestation = item.find("attestation");
    return attestation != item.end() && attestation->is_string() && *attestation != "";
  }

  bool may_ask(const Caller& caller) const { return permissions()->may_ask(caller); }

 private:
  void record_denial(const Caller& caller, std::string_view verb, const JsonBox& request) {
    Locked all(denials_);
    Denials& denials = one_of(*all, caller.uid);
    const MonoTime now = parts_.clock.mono();
    if (denials.recorded_at && now - *denials.recorded_at < kBetweenDenials) {
      ++denials.unrecorded;
      return;
    }
    const auto arguments = request->find("args");
    NewEvent event = control_denied(caller, verb, arguments == request->end() ? std::nullopt : aimed_at(*arguments),
                                    "not permitted by [control]");
    if (denials.unrecorded > 0) {
      event.facts.summary +=
          fmt::format(" {} more such requests came since the last event about this.", denials.unrecorded);
      (*event.data)["unrecorded"] = denials.unrecorded;
    }
    denials = {now, 0};
    // It may run after this object: what it needs outlives the server.
    parts_.writer.post([&ledger = parts_.ledger, event = std::move(event), at = parts_.clock.wall()](Tx& tx) {
      ledger.append(tx, event, at);
    });
  }

  using Reply = Result<JsonBox, NothingDone>;
  struct Asked {
    const Caller& caller;
    std::string_view verb;
    MonoTime until;  ///< what is not begun by then is not done
    bool permitted;  ///< false: it is an attestation that is let through
  };
  struct Verb {
    std::string_view name;
    std::string_view permission;  ///< one of kControlVerbs; "": for whoever may ask for anything
    Reply (ControlVerbs::*answer)(const Asked& asked, const JsonBox& arguments);
    bool asks_only;  ///< it does nothing, and comes several times a second
  };

  Reply alerts(const Asked& asked, const JsonBox& arguments) {
    return written(asked, read_alert_request(asked.verb.substr(asked.verb.find('.') + 1), arguments));
  }
  Reply approve(const Asked& asked, const JsonBox& arguments) {
    auto request = read_approve_request(arguments);
    if (request) request->trust = parts_.trust.copy();
    return written(asked, request);
  }
  Reply expect(const Asked& asked, const JsonBox& arguments) {
    auto request = read_expect_request(arguments);
    if (request) {
      request->trust = parts_.trust.copy();
      request->only_attested = !asked.permitted;
    }
    return written(asked, request);
  }
  Reply withdraw(const Asked& asked, const JsonBox& arguments) {
    return written(asked, read_withdraw_request(arguments));
  }
  Reply suspend(const Asked& asked, const JsonBox& arguments) {
    return written(asked, read_suspend_request(asked.verb == "resume", arguments));
  }

  Reply prune(const Asked& asked, const JsonBox& arguments) {
    auto request = read_prune_request(arguments);
    if (request) request->folder = parts_.packages_folder;
    return written(asked, request);
  }

  /// The verbs plan, poll and packages.fetch.
  Reply poll(const Asked& asked, const JsonBox& arguments) {
    if (const std::string why = parts_.not_yet ? parts_.not_yet() : std::string(); !why.empty())
      return NothingDone{"failed", why};
    Database db = parts_.open_reader();
    const bool fetch = asked.verb == "packages.fetch";
    const auto found = targets_to_poll(db, fetch ? "poll" : asked.verb, arguments, parts_.clock.wall());
    if (!found) return found.error();
    const auto issued = tickets_.lock()->issue(asked.caller.uid, found->size());
    if (!issued) return too_many();
    std::vector<PollWish> wishes;
    Json addresses = Json::array();
    for (const SelectedTarget& target : *found) {
      wishes.push_back({target.row.id, target.row.target.account, fetch});
      if (asked.verb != "plan") addresses.push_back(target.row.target.address());
      // Before the poll: the link that it brings is to be used.
      if (fetch && target.row.state.live) parts_.forget_failure(*target.row.state.live);
    }
    parts_.poll_now(wishes, [ticket = issued->ticket](PollEnd end) { ticket->over(end); });
    Json done{{"ticket", issued->id}, {"targets", found->size()}};
    if (!addresses.empty()) done["addresses"] = std::move(addresses);
    return JsonBox(std::move(done));
  }
  Reply reload(const Asked& asked, const JsonBox& arguments) {
    if (const std::string trouble = Arguments(*arguments).trouble(); !trouble.empty())
      return NothingDone{"usage", trouble};
    const auto issued = tickets_.lock()->issue(asked.caller.uid, 1);
    if (!issued) return too_many();
    parts_.reload(issued->ticket);
    return JsonBox(Json{{"ticket", issued->id}});
  }
  /// One file of a package that is kept: by its hash, because names may be any bytes.
  Reply package_file(const Asked&, const JsonBox& arguments) {
    Arguments read(*arguments);
    const auto code = read.sha256("package"), content = read.sha256("file");
    if (const std::string trouble = read.trouble(); !trouble.empty()) return NothingDone{"usage", trouble};
    if (!code || !content) return NothingDone{"usage", "say which: package and file, two hashes"};
    Database db = parts_.open_reader();
    const auto package = packages::find(db, *code);
    if (!package || !package->kept)
      return NothingDone{"nothing", fmt::format("the package of {} is not kept", code->hex())};
    const Manifest files = packages::manifest(db, *code);
    const auto file =
        std::find_if(files.begin(), files.end(), [&](const auto& each) { return each.sha256 == *content; });
    if (file == files.end())
      return NothingDone{"nothing", fmt::format("no file of {} has the hash {}", code->hex(), content->hex())};
    if (file->size > kMostPackageFileSent)
      return NothingDone{"refused",
                         fmt::format("the file has {} bytes; {} are sent at most", file->size, kMostPackageFileSent)};
    const auto bytes =
        parts_.package_content(*code, *file, {package->package_bytes, package->unpacked_bytes, package->files});
    if (!bytes) return NothingDone{"failed", bytes.error().message};
    return JsonBox(Json{{"content", base64(*bytes)}});
  }
  Reply progress(const Asked& asked, const JsonBox& arguments) {
    Arguments read(*arguments);
    const std::string id = read.text("ticket");
    if (const std::string trouble = read.trouble(); !trouble.empty()) return NothingDone{"usage", trouble};
    if (const auto ticket = tickets_.lock()->find(id, asked.caller.uid)) return ticket->progress();
    return NothingDone{"nothing", "there is no such ticket: it is forgotten, or the daemon was started since"};
  }
  static NothingDone too_many() {
    return {"failed",
            fmt::format("{} requests of yours are under way already, or {} of all users; ask again when one of them is "
                        "done",
                        Tickets::kMostOfOneUser, Tickets::kMost)};
  }

  /// Does in one transaction what was asked for, if it could be read.
  template <typename Request>
  Reply written(const Asked& asked, const Result<Request>& request) {
    if (!request) return NothingDone{"usage", request.error().message};
    std::optional<Reply> result;
    parts_.writer.run([&](Tx& tx) {
      // Its client has given up, or is about to, and says that it failed: then nothing may come of it any more.
      result = parts_.clock.mono() < asked.until
                   ? perform(tx, parts_.ledger, *request, asked.caller, parts_.clock.wall())
                   : Reply(NothingDone{"failed", "the record could not be written to in time; nothing was done"});
    });
    return std::move(*result);
  }

  static constexpr Verb kVerbs[] = {
      {"approve", "approve", &ControlVerbs::approve, false},
      {"expect", "expect", &ControlVerbs::expect, false},
      {"withdraw", "expect", &ControlVerbs::withdraw, false},
      {"suspend", "suspend", &ControlVerbs::suspend, false},
      {"resume", "resume", &ControlVerbs::suspend, false},
      {"alerts.replay", "replay", &ControlVerbs::alerts, false},
      {"alerts.drop", "drop", &ControlVerbs::alerts, false},
      {"alerts.test", "test", &ControlVerbs::alerts, false},
      {"plan", "poll", &ControlVerbs::poll, false},
      {"poll", "poll", &ControlVerbs::poll, false},
      {"reload", "reload", &ControlVerbs::reload, false},
      {"progress", "", &ControlVerbs::progress, true},
      {"packages.fetch", "poll", &ControlVerbs::poll, false},
      {"packages.prune", "prune", &ControlVerbs::prune, false},
      {"packages.file", "diff", &ControlVerbs::package_file, true},
  };

  std::shared_ptr<const Permissions> permissions() const { return parts_.permissions.copy(); }

  struct Denials {
    std::optional<MonoTime> recorded_at;
    uint64_t unrecorded = 0;
  };
  /// What is kept for a user; a few too many share one.
  template <typename T>
  static T& one_of(std::map<uid_t, T>& all, uid_t uid) {
    const bool known = all.contains(uid) || all.size() < kMostUsers;
    return all[known ? uid : kOthers];
  }

  /// A bucket that fills by one each `every`, up to `most`.
  struct Bucket {
    double left = 0;
    std::optional<MonoTime> at;
  };
  struct Pace {
    Millis every;
    double most;
  };
  static constexpr Pace kActs{Millis{2'000}, 120}, kSlowly{Millis{10'000}, 5};

  /// Takes one act of `caller` into account: how long they have to wait before it, 0 if they need not. Each writes
  /// events, or an alert: without a limit whoever may suspend could fill the disk. Root and the daemon's own user could
  /// anyway.
  Millis pace(const Caller& caller, bool slowly) {
    if (caller.uid == 0 || caller.uid == ::geteuid()) return Millis{0};
    const Pace& pace = slowly ? kSlowly : kActs;
    Locked buckets(slowly ? slow_acts_ : acts_);
    Bucket& bucket = one_of(*buckets, caller.uid);
    const MonoTime now = parts_.clock.mono();
    const double gained =
        bucket.at ? std::chrono::duration<double, std::milli>(now - *bucket.at) / pace.every : pace.most;
    bucket.left = std::min(pace.most, bucket.left + gained);
    bucket.at = now;
    if (bucket.left < 1) return std::chrono::ceil<Millis>(pace.every * (1 - bucket.left));
    bucket.left -= 1;
    return Millis{0};
  }

  const ControlParts parts_;
  const std::string state_;
  Guarded<Tickets> tickets_;
  Guarded<std::map<uid_t, Denials>> denials_;
  Guarded<std::map<uid_t, Bucket>> acts_, slow_acts_;
};

}  // namespace

std::string folder_identity(const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return {};
  return fmt::format("{}:{}", info.st_dev, info.st_ino);
}

Result<std::unique_ptr<ControlServer>> open_control(const ControlParts& parts) {
  const auto verbs = std::make_shared<ControlVerbs>(parts);
  ControlServer::Options options;
  options.folder = parts.runtime_dir;
  options.host = parts.host;
  options.may_ask = [verbs](const Caller& caller) { return verbs->may_ask(caller); };
  options.strangers_are_read = [verbs] { return verbs->trusts() ? kLongestAttestedRequest : kLongestStrangersRequest; };
  options.open_to_all = [verbs](std::string_view verb, const JsonBox& request) {
    return verbs->vouched_for(verb, request);
  };
  return ControlServer::open(
      std::move(options),
      [verbs](const Caller& caller, std::string_view verb, const JsonBox& request, Millis within) {
        return verbs->answer(caller, verb, request, within);
      },
      [verbs](const Caller& caller, const std::string& verb, const JsonBox& request) {
        return verbs->denied(caller, verb, request);
      });
}

}  // namespace codedriftd
