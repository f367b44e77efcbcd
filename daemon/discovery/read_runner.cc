#include "discovery/read_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "base/log.h"
#include "base/text.h"

namespace codedriftd {
namespace {

ReadAnswer own_error(std::string_view code, std::string message) {
  ReadAnswer answer;
  answer.error = {std::string(code), std::move(message), ""};
  answer.meaning = meaning_of(code);
  return answer;
}

}  // namespace

ReadRunner::ReadRunner(ReadApi& api, const Clock& clock) : api_(api), clock_(clock) {}

void ReadRunner::set_paces(Paces paces) {
  paces_ = std::move(paces);
  // Calls that wait go to the line of their account as it is now; the lines themselves keep what they learned.
  std::set<std::string> keys;
  for (const auto& [account, pace] : paces_) keys.insert(pace.key);
  for (auto& [key, line] : lines_) line.clear();
  std::erase_if(lines_, [&](const auto& item) { return !keys.contains(item.first.first); });
  for (auto& [id, job] : jobs_) {
    if (job.waiting) enqueue(id, job, job.due);
  }
}

std::optional<ReadRunner::LineKey> ReadRunner::line_of(const ReadCall& call) const {
  const auto pace = paces_.find(call.account);
  if (pace == paces_.end()) return std::nullopt;
  return LineKey(pace->second.key, call.action);
}

void ReadRunner::start(std::shared_ptr<ReadJob> job, std::function<void()> over) {
  Job& fresh = jobs_[++last_id_];
  fresh.job = std::move(job);
  fresh.over = std::move(over);
  fresh_.push_back(last_id_);
}

void ReadRunner::turn(Millis at_most) {
  const MonoTime now = clock_.mono();
  for (const uint64_t id : std::exchange(fresh_, {})) go_on(id, now);
  for (auto& [key, line] : lines_) {
    while (const auto id = line.take(now)) send(*id, now);
  }
  MonoTime next = over_.empty() ? now + at_most : now;
  for (const auto& [key, line] : lines_) next = std::min(next, line.next_at());
  api_.turn(std::clamp(std::chrono::ceil<Millis>(next - clock_.mono()), Millis{0}, at_most));
  std::exception_ptr thrown;
  for (const auto& over : std::exchange(over_, {})) {
    try {
      if (over) over();
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  if (thrown) std::rethrow_exception(thrown);
}

/// Asks the job for its next call.
void ReadRunner::go_on(uint64_t id, MonoTime now) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;  // cleared in between
  Job& job = found->second;
  try {
    while (true) {
      if (!std::exchange(job.no_account, false)) {
        job.call = job.job->next();
        if (!job.call) break;
        if (line_of(*job.call)) {
          enqueue(id, job, now);
          return;
        }
      }
      job.job->take(own_error("Client.NoCredentials", fmt::format("account {} is not configured", job.call->account)),
                    clock_.wall());
    }
  } catch (const std::exception& error) {
    log(LogLevel::error, "discovery.failed", fmt::format("a reading was given up: {}", error.what()));
  }
  finish(id);
}

void ReadRunner::enqueue(uint64_t id, Job& job, MonoTime due) {
  const auto key = line_of(*job.call);
  job.waiting = key.has_value();
  if (!key) {
    job.no_account = true;
    job.attempts = {};
    fresh_.push_back(id);
    return;
  }
  job.due = due;
  job.line = *key;
  lines_.try_emplace(*key, usable_by_readings(key->second)).first->second.add(due, id);
}

void ReadRunner::send(uint64_t id, MonoTime now) {
  Job& job = jobs_.at(id);
  job.waiting = false;
  job.attempts.begin();
  job.call->new_connection = job.attempts.again();
  ++stats_.calls[job.call->action];
  const auto done = [this, id, line = job.line, now](ReadAnswer answer) { answered(id, line, now, std::move(answer)); };
  try {
    api_.start(*job.call, done);
  } catch (const std::exception& error) {  // out of memory or descriptors: this attempt failed, nothing else
    done(own_error("Client.Network", clean_utf8(error.what())));
  }
}

void ReadRunner::answered(uint64_t id, const LineKey& line, MonoTime sent, ReadAnswer answer) {
  const MonoTime now = clock_.mono();
  if (answer.meaning.slow_down) ++stats_.refused_by_limit;
  if (const auto paced = lines_.find(line); paced != lines_.end())
    paced->second.answered(answer.meaning.slow_down, sent, now);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;  // cleared in between
  Job& job = found->second;
  ApiAnswer attempt;
  attempt.retry_soon = answer.meaning.retry_soon;
  attempt.slow_down = answer.meaning.slow_down;
  attempt.refresh_credentials = answer.meaning.refresh_credentials;
  if (const auto wait = job.attempts.next_in(attempt, true)) {
    enqueue(id, job, now + *wait);
    return;
  }
  try {
    job.job->take(std::move(answer), clock_.wall());
  } catch (const std::exception& error) {
    log(LogLevel::error, "discovery.failed", fmt::format("a reading was given up: {}", error.what()));
    finish(id);
    return;
  }
  go_on(id, now);
}

void ReadRunner::finish(uint64_t id) {
  const auto found = jobs_.find(id);
  over_.push_back(std::move(found->second.over));
  jobs_.erase(found);
}

}  // namespace codedriftd
