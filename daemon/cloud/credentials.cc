#include "cloud/credentials.h"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "base/backoff.h"
#include "base/log.h"

namespace codedriftd {
namespace {

constexpr Millis kRefreshMargin = std::chrono::minutes(5);
constexpr Millis kRefusalPause = std::chrono::seconds(10);
constexpr Millis kReadTime = std::chrono::seconds(5);
constexpr Millis kLongWait = std::chrono::hours(24);
constexpr Backoff kRefreshBackoff{Millis{1000}, Millis{4000}, Millis{60'000}};

std::atomic<uint64_t> last_generation{0};

bool same_secret(const Credentials& a, const Credentials& b) {
  return a.secret_id == b.secret_id && a.secret_key.reveal() == b.secret_key.reveal() &&
         a.token.reveal() == b.token.reveal();
}

}  // namespace

CredentialProvider::CredentialProvider(std::string account, CredentialSpec spec, const Clock& clock)
    : account_(std::move(account)), spec_(std::move(spec)), clock_(clock), cancel_(::eventfd(0, EFD_CLOEXEC)) {
  if (!cancel_.valid()) throw std::runtime_error("no eventfd for the credentials of account " + account_);
}

CredentialProvider::~CredentialProvider() {
  ::eventfd_write(cancel_.get(), 1);
  thread_.request_stop();
}

void CredentialProvider::start(Millis at_most) {
  thread_ = std::jthread([this, at_most](std::stop_token stop) { run(at_most, std::move(stop)); });
}

Checked CredentialProvider::wait_loaded(Millis at_most) {
  loaded_.wait_for({}, at_most);
  Locked state(state_);
  if (state->current == nullptr) return Error{state->error};
  return Done{};
}

Checked CredentialProvider::load(Millis at_most) {
  constexpr Millis kGrace{1'000};  // the read keeps the time itself
  start(at_most);
  return wait_loaded(at_most + kGrace);
}

Result<std::shared_ptr<const Credentials>> CredentialProvider::current() {
  Locked state(state_);
  if (state->current == nullptr) return Error{state->error};
  // The other thread sleeps by a clock that stands still while the machine does.
  if (refresh_due(*state)) bell_.ring();
  return state->current;
}

void CredentialProvider::refused(uint64_t generation) {
  Locked state(state_);
  // Refusals come late, up to a request's deadline after the keys they were signed with were replaced. They say nothing
  // about the new ones, and must not start the pause below, in which a refusal of the new ones would be ignored.
  if (generation != (state->current == nullptr ? 0 : state->current->generation)) return;
  const MonoTime now = clock_.mono();
  if (now < state->refusals_count_from) return;
  state->refusals_count_from = now + kRefusalPause;
  state->wanted = true;
  bell_.ring();
}

void CredentialProvider::read_again() {
  state_.lock()->wanted = true;
  bell_.ring();
}

bool CredentialProvider::refresh_due(const State& state) const {
  return state.current != nullptr && state.current->expires &&
         clock_.wall() >= *state.current->expires - kRefreshMargin && clock_.mono() >= state.refresh_not_before;
}

Millis CredentialProvider::until_refresh(const State& state) const {
  if (state.current == nullptr || !state.current->expires) return kLongWait;
  const Millis margin = *state.current->expires - kRefreshMargin - clock_.wall();
  const Millis pause = std::chrono::ceil<Millis>(state.refresh_not_before - clock_.mono());
  return std::clamp(std::max(margin, pause), Millis{0}, kLongWait);
}

void CredentialProvider::run(Millis first_at_most, std::stop_token stop) {
  read(first_at_most, stop);
  loaded_.ring();
  while (!stop.stop_requested()) {
    const Millis wait = until_refresh(*state_.lock());
    bell_.wait_for(stop, wait);
    if (stop.stop_requested()) return;
    {
      Locked state(state_);
      if (!state->wanted && !refresh_due(*state)) continue;
      state->wanted = false;
    }
    read(kReadTime, stop);
  }
}

void CredentialProvider::read(Millis at_most, const std::stop_token& stop) {
  auto found = [&]() -> Result<Credentials, Unavailable> {
    try {
      return read_credentials(spec_, at_most, cancel_.get());
    } catch (const std::exception& error) {
      return Unavailable{error.what(), true};
    }
  }();
  if (stop.stop_requested()) return;  // cut short by the end of the process: not a failure to be logged
  Locked state(state_);
  if (!found) {
    const bool repeated = state->failures > 0 && state->error == found.error().message;
    state->error = found.error().message;
    ++state->failures;
    const Millis pause = backoff_delay(kRefreshBackoff, state->failures, random_unit());
    state->refresh_not_before = clock_.mono() + pause;
    log(repeated ? LogLevel::debug : LogLevel::warning, "credentials.failed",
        fmt::format("credentials of account {} could not be read: {}{}", account_, state->error,
                    state->current == nullptr ? "" : "; the earlier ones stay in use"));
    return;
  }
  state->failures = 0;
  // A metadata service that still hands out keys near their end is not asked without a pause.
  state->refresh_not_before = clock_.mono() + Millis{30'000};
  // The same keys keep their number, so that refusals of requests that are on their way still count for them.
  if (state->current != nullptr && same_secret(*state->current, *found)) {
    found->generation = state->current->generation;
  } else {
    found->generation = ++last_generation;
    log(LogLevel::info, "credentials.loaded", fmt::format("credentials of account {}: {}", account_, found->source));
  }
  state->current = std::make_shared<const Credentials>(std::move(*found));
}

}  // namespace codedriftd
