#include "inspection/inspector.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "package/examiner.h"
#include "store/packages/files.h"
#include "store/packages/packages.h"

namespace codedriftd {
namespace {

constexpr Millis kLook{60'000}, kLookForPolls{200};
/// Troubles of hashes that are long gone are forgotten, those first that may be asked for soonest.
constexpr std::size_t kMostTroubles = 10'000;

class RealPackageSource final : public PackageSource {
 public:
  Result<FetchedPackage, FetchFailure> fetch(const Secret& url, const FetchRules& rules, int cancel_fd) override {
    return fetcher_.fetch(url, rules, cancel_fd);
  }
  Result<Examination> examine(int package_fd, const InspectionRules& rules, int cancel_fd) override {
    return codedriftd::examine(package_fd, {rules.examiner, rules.limits, rules.examiner_deadline}, cancel_fd);
  }

 private:
  PackageFetcher fetcher_;
};

/// What a package that is kept, or one that has to go for it, asks of the folder. Its trouble is no trouble of the
/// record: what was found in the package stands there already.
void warn(const Error& error) { log(LogLevel::warning, "package.keep", error.message); }

}  // namespace

std::unique_ptr<PackageSource> real_package_source() { return std::make_unique<RealPackageSource>(); }

Inspector::Inspector(Writer& writer, Ledger& ledger, const Clock& clock, InspectionRules rules, Hooks hooks)
    : writer_(writer),
      ledger_(ledger),
      clock_(clock),
      rules_(std::move(rules)),
      hooks_(std::move(hooks)),
      queue_(std::make_shared<Guarded<Queue>>()),
      cancel_(::eventfd(0, EFD_CLOEXEC)) {
  if (!cancel_.valid()) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Inspector::~Inspector() { stop(); }

void Inspector::start() {
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    if (threads_[i].joinable()) continue;
    threads_[i] = std::jthread([this, i](const std::stop_token& stop) {
      std::unique_ptr<PackageSource> source;
      while (!stop.stop_requested()) {
        ask_for_polls();
        const auto job = next();
        if (!job) {
          bells_[i].wait_for(stop, wait_at_most());
          continue;
        }
        try {
          if (!source) source = hooks_.source();
          look(*source, *job);
        } catch (const std::exception& error) {  // no memory, no descriptors: it may be better next time
          failed(*job, error.what(), false);
        }
      }
    });
  }
}

void Inspector::stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  const uint64_t one = 1;
  if (::write(cancel_.get(), &one, sizeof one) < 0) {  // cannot fail but when it was done 2^64 times
  }
  for (std::jthread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Inspector::want(TargetId id, const std::string& account, const Sha256& code, Secret url, Urgency urgency) {
  const bool pressing = urgency != Urgency::none;
  {
    Locked queue(*queue_);
    const auto trouble = queue->troubles.find(code);
    if (trouble != queue->troubles.end() && clock_.mono() < trouble->second.not_before) {
      // What was given up is asked for again where a verdict waits: it is not over yet.
      if (urgency != Urgency::verdict || trouble->second.tries != 0) return;
    }
    Job job{id, account, code, std::move(url)};
    if (queue->taken.contains(code)) {
      // Somebody waits for it now: it goes in front, if nobody looks at it yet.
      const auto queued =
          std::find_if(queue->others.begin(), queue->others.end(), [&](const Job& each) { return each.code == code; });
      if (!pressing || queued == queue->others.end()) {
        if (pressing) queue->otherwise.insert_or_assign(code, std::move(job));
        return;
      }
      queue->others.erase(queued);
    } else if (!pressing && queue->taken.size() >= kMostQueued) {
      return;
    }
    queue->taken.insert(code);
    (pressing ? queue->pressing : queue->others).push_back(std::move(job));
  }
  for (Bell& bell : bells_) bell.ring();
}

void Inspector::forget_failure(const Sha256& code) { queue_->lock()->troubles.erase(code); }

Inspector::Stats Inspector::stats() const {
  Locked queue(*queue_);
  Stats stats = queue->stats;
  stats.queued = queue->pressing.size() + queue->others.size();
  return stats;
}

std::optional<Inspector::Job> Inspector::next() {
  Locked queue(*queue_);
  for (std::deque<Job>* jobs : {&queue->pressing, &queue->others}) {
    if (jobs->empty()) continue;
    Job job = std::move(jobs->front());
    jobs->pop_front();
    return job;
  }
  return std::nullopt;
}

/// Has those polled again whose time has come.
void Inspector::ask_for_polls() {
  std::vector<TargetId> due;
  {
    Locked queue(*queue_);
    const auto end = queue->polls.upper_bound(clock_.mono());
    for (auto each = queue->polls.begin(); each != end; ++each) due.push_back(each->second);
    queue->polls.erase(queue->polls.begin(), end);
  }
  for (const TargetId id : due) {
    if (hooks_.poll_again) hooks_.poll_again(id);
  }
}

Millis Inspector::wait_at_most() const { return queue_->lock()->polls.empty() ? kLook : kLookForPolls; }

bool Inspector::stopping() const {
  pollfd poll{cancel_.get(), POLLIN, 0};
  return ::poll(&poll, 1, 0) > 0;
}

/// Nobody looks at `code` any more: the next poll of it may bring it again.
void Inspector::leave(const Sha256& code) { queue_->lock()->leave(code); }

void Inspector::look(PackageSource& source, const Job& job) {
  if (hooks_.may_fetch && !hooks_.may_fetch()) return leave(job.code);
  const InspectionRules rules = rules_.copy();
  const auto fetch = rules.fetch.find(job.account);
  if (fetch == rules.fetch.end()) return leave(job.code);  // the account left with a reload
  auto package = source.fetch(job.url, fetch->second, cancel_.get());
  if (!package) {
    if (package.error().cancelled || stopping()) return leave(job.code);
    return failed(job, package.error().why, false, package.error().for_good);
  }
  queue_->lock()->stats.bytes += package->bytes;
  if (package->sha256 != job.code) {
    // The object behind a link is overwritten by the next deployment: a fresh poll tells which of the two it was.
    return failed(job, fmt::format("the bytes that came have the hash {}", package->sha256.hex()), true);
  }
  auto examination = source.examine(package->file.get(), rules, cancel_.get());
  if (!examination) {
    if (stopping()) return leave(job.code);
    return failed(job, examination.error().message, false);
  }
  {
    Locked queue(*queue_);
    ++(examination->ambiguous.empty() ? queue->stats.examined : queue->stats.ambiguous);
    queue->troubles.erase(job.code);
  }
  examined(job, std::move(*package), std::move(*examination), rules);
}

/// Records what is inside. With a folder to keep packages in, the package lies there first (store/packages/files.h),
/// and those that have to go for it are removed after the commit.
void Inspector::examined(const Job& job, FetchedPackage package, Examination found, const InspectionRules& rules) {
  std::shared_ptr<const PackageFolder> folder;
  if (!rules.keep_folder.empty()) {
    auto opened = PackageFolder::make(rules.keep_folder);
    if (!opened) {
      warn(opened.error());
    } else if (const auto kept = opened->keep(job.code, package.file); !kept) {
      warn(kept.error());
    } else {
      folder = std::make_shared<const PackageFolder>(std::move(*opened));
    }
  }
  record(job.code,
         [code = job.code, found = std::move(found), folder, at_most = rules.keep_at_most](Tx& tx, WallTime at) {
           packages::save(tx.db, code, found, at);
           if (!folder) return;
           packages::set_kept(tx.db, code);
           packages::let_go(tx, folder, packages::prune_candidates(tx.db, at_most));
         });
}

void Inspector::failed(const Job& job, const std::string& why, bool mismatch, bool for_good) {
  bool over = false;
  {
    Locked queue(*queue_);
    if (queue->troubles.size() >= kMostTroubles && !queue->troubles.contains(job.code)) {
      queue->troubles.erase(
          std::min_element(queue->troubles.begin(), queue->troubles.end(),
                           [](const auto& a, const auto& b) { return a.second.not_before < b.second.not_before; }));
    }
    Queue::Trouble& trouble = queue->troubles[job.code];
    trouble.mismatches += mismatch ? 1 : 0;
    const unsigned tries = ++trouble.tries;
    ++queue->stats.tries;
    over = for_good || tries >= kTries;
    const MonoTime now = clock_.mono();
    if (over) {
      mismatch = trouble.mismatches >= kTries;
      ++(mismatch ? queue->stats.mismatch : queue->stats.unavailable);
      const Millis pause = std::min(kAgainAtMost, kAgainAfter * (1 << std::min(trouble.given_up, 5U)));
      trouble = {0, 0, trouble.given_up + 1, now + pause};
    } else if (auto found = queue->otherwise.extract(job.code)) {
      // By the link of another target that runs the same; this thread takes it next.
      queue->pressing.push_front(std::move(found.mapped()));
    } else {
      trouble.not_before = now + kTryAgain[std::min<std::size_t>(tries, kTryAgain.size()) - 1];
      queue->polls.emplace(trouble.not_before, job.id);
      queue->taken.erase(job.code);
    }
  }
  log(over ? LogLevel::warning : LogLevel::info, "package.unavailable",
      fmt::format("the package of code {} could not be {}: {}{}", job.code.hex(), mismatch ? "verified" : "examined",
                  harmless(why), over ? "" : "; it is asked for again"));
  if (!over) return;
  record(job.code, [code = job.code, why, mismatch](Tx& tx, WallTime at) {
    packages::save_unavailable(tx.db, code, why, mismatch, at);
  });
}

/// What was found, and what it means for whoever runs it, in one transaction.
void Inspector::record(const Sha256& code, std::function<void(Tx&, WallTime)> save) {
  // It may run after this object has ended: the ledger outlives the writer, and the queue is shared.
  writer_.post(
      [&ledger = ledger_, code, save = std::move(save), at = clock_.wall()](Tx& tx) {
        save(tx, at);
        ledger.examined(tx, code, at);
      },
      [queue = queue_, code](std::exception_ptr why) {
        queue->lock()->leave(code);
        if (!why) return;
        try {
          std::rethrow_exception(why);
        } catch (const std::exception& error) {
          log(LogLevel::error, "store.write",
              fmt::format("what is inside code {} could not be recorded: {}", code.hex(), error.what()));
        }
      });
}

}  // namespace codedriftd
