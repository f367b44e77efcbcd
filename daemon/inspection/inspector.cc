#include "inspection/inspector.h"

#include <fmt/format.h>
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

constexpr Millis kLook{60'000};
/// Troubles of hashes that are long gone are forgotten, the oldest first.
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
      const auto source = hooks_.source();
      while (!stop.stop_requested()) {
        if (const auto job = next()) {
          look(*source, *job);
        } else {
          bells_[i].wait_for(stop, kLook);
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

void Inspector::want(TargetId id, const std::string& account, const Sha256& code, Secret url, bool pressing) {
  {
    Locked queue(*queue_);
    const auto trouble = queue->troubles.find(code);
    if (trouble != queue->troubles.end() && clock_.mono() < trouble->second.not_before) return;
    if (queue->taken.contains(code)) {
      if (!pressing) return;
      // Somebody waits for it now: it goes in front, if nobody looks at it yet.
      const auto queued =
          std::find_if(queue->others.begin(), queue->others.end(), [&](const Job& job) { return job.code == code; });
      if (queued == queue->others.end()) return;
      queue->others.erase(queued);
      queue->taken.erase(code);
    }
    if (!pressing && queue->taken.size() >= kMostQueued) return;
    queue->taken.insert(code);
    (pressing ? queue->pressing : queue->others).push_back({id, account, code, std::move(url)});
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

/// Nobody looks at `code` any more: the next poll of it may bring it again.
void Inspector::leave(const Sha256& code) { queue_->lock()->taken.erase(code); }

void Inspector::look(PackageSource& source, const Job& job) {
  const InspectionRules rules = rules_.copy();
  const auto fetch = rules.fetch.find(job.account);
  if (fetch == rules.fetch.end()) return leave(job.code);  // the account left with a reload
  auto package = source.fetch(job.url, fetch->second, cancel_.get());
  if (!package) {
    if (package.error().cancelled) return leave(job.code);
    return failed(job, package.error().why, false);
  }
  queue_->lock()->stats.bytes += package->bytes;
  if (package->sha256 != job.code) {
    // The object behind a link is overwritten by the next deployment: a fresh poll tells which of the two it was.
    return failed(job, fmt::format("the bytes that came have the hash {}", package->sha256.hex()), true);
  }
  auto examination = source.examine(package->file.get(), rules, cancel_.get());
  if (!examination) return failed(job, examination.error().message, false);
  {
    Locked queue(*queue_);
    ++(examination->ambiguous.empty() ? queue->stats.examined : queue->stats.ambiguous);
    queue->troubles.erase(job.code);
  }
  record(job.code, [code = job.code, found = std::move(*examination)](Database& db, WallTime at) {
    packages::save(db, code, found, at);
  });
  if (!rules.keep_folder.empty()) keep(job.code, std::move(*package), rules);
}

void Inspector::failed(const Job& job, const std::string& why, bool mismatch) {
  bool over = false;
  {
    Locked queue(*queue_);
    if (queue->troubles.size() >= kMostTroubles) queue->troubles.erase(queue->troubles.begin());
    Queue::Trouble& trouble = queue->troubles[job.code];
    trouble.mismatches += mismatch ? 1 : 0;
    over = ++trouble.tries >= kTries;
    if (over) {
      mismatch = trouble.mismatches >= kTries;
      ++(mismatch ? queue->stats.mismatch : queue->stats.unavailable);
      trouble = {0, 0, clock_.mono() + kAgainAfter};
    }
  }
  log(over ? LogLevel::warning : LogLevel::info, "package.unavailable",
      fmt::format("the package of code {} could not be {}: {}{}", job.code.hex(), mismatch ? "verified" : "examined",
                  harmless(why), over ? "" : "; it is asked for again"));
  if (!over) {
    leave(job.code);
    if (hooks_.poll_again) hooks_.poll_again(job.id);
    return;
  }
  record(job.code, [code = job.code, why, mismatch](Database& db, WallTime at) {
    packages::save_unavailable(db, code, why, mismatch, at);
  });
}

/// What was found, and what it means for whoever runs it, in one transaction.
void Inspector::record(const Sha256& code, std::function<void(Database&, WallTime)> save) {
  // It may run after this object has ended: the ledger outlives the writer, and the queue is shared.
  writer_.post(
      [&ledger = ledger_, code, save = std::move(save), at = clock_.wall()](Tx& tx) {
        save(tx.db, at);
        ledger.examined(tx, code, at);
        tx.urgent();
      },
      [queue = queue_, code](std::exception_ptr why) {
        queue->lock()->taken.erase(code);
        if (!why) return;
        try {
          std::rethrow_exception(why);
        } catch (const std::exception& error) {
          log(LogLevel::error, "store.write",
              fmt::format("what is inside code {} could not be recorded: {}", code.hex(), error.what()));
        }
      });
}

/// Keeps the package itself, and removes what has to go for it.
void Inspector::keep(const Sha256& code, FetchedPackage package, const InspectionRules& rules) {
  const auto folder = PackageFolder::make(rules.keep_folder);
  if (!folder) return warn(folder.error());
  if (const auto kept = folder->keep(code, package.file); !kept) return warn(kept.error());
  try {
    std::vector<Sha256> leaving;
    writer_.run(
        [&](Tx& tx) {
          packages::set_kept(tx.db, code);
          leaving = packages::prune_candidates(tx.db, rules.keep_at_most);
          for (const Sha256& each : leaving) packages::drop_contents(tx.db, each);
        },
        Writer::Keep::always);
    for (const Sha256& each : leaving) {
      if (const auto gone = folder->remove(each); !gone) warn(gone.error());
    }
  } catch (const std::exception& error) {
    warn(Error{fmt::format("the package of code {} is not kept: {}", code.hex(), error.what())});
  }
}

}  // namespace codedriftd
