#include "http/resolver.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <deque>
#include <map>
#include <system_error>
#include <thread>

#include "base/guarded.h"

namespace codedriftd {
namespace {

using LookupDone = std::function<void(std::shared_ptr<const Lookup>)>;

constexpr Millis kFresh = std::chrono::minutes(1);
constexpr Millis kKept = std::chrono::hours(1);

struct Name {
  std::shared_ptr<const Lookup> found;
  MonoTime asked_at{};  ///< when the lookup began that found it
  bool under_way = false;
  std::vector<LookupDone> waiting;
};

struct State {
  std::map<std::string, Name> names;
  std::deque<std::string> queue;  ///< wait for a thread
  unsigned threads = 0;
};

/// Never destroyed: a thread that hangs in getaddrinfo may come back while the process ends.
Guarded<State>& state() {
  static auto& shared = *new Guarded<State>;
  return shared;
}

std::string text_of(const addrinfo& entry) {
  char text[INET6_ADDRSTRLEN] = {};
  if (entry.ai_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(entry.ai_addr)->sin_addr, text, sizeof text);
    return text;
  }
  if (entry.ai_family != AF_INET6) return {};
  ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(entry.ai_addr)->sin6_addr, text, sizeof text);
  return fmt::format("[{}]", text);
}

std::shared_ptr<const Lookup> ask(const std::string& host) {
  auto lookup = std::make_shared<Lookup>();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); code != 0) {
    lookup->problem = ::gai_strerror(code);
    return lookup;
  }
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (std::string text = text_of(*entry); !text.empty()) lookup->addresses.push_back(std::move(text));
  }
  ::freeaddrinfo(found);
  if (lookup->addresses.empty()) lookup->problem = "it has no address";
  return lookup;
}

/// Notes what came of `host`; who is to be told of it.
std::vector<LookupDone> settle(State& names, const std::string& host, const std::shared_ptr<const Lookup>& found,
                               MonoTime asked_at) {
  Name& name = names.names[host];
  name.under_way = false;
  std::vector<LookupDone> waiting = std::exchange(name.waiting, {});
  if (!found->addresses.empty()) {
    name.found = found;
    name.asked_at = asked_at;
  } else if (!name.found) {
    names.names.erase(host);  // a failure is told and forgotten
  }
  return waiting;
}

void work(std::string host) {
  const SystemClock clock;
  for (;;) {
    const MonoTime asked_at = clock.mono();
    const auto found = ask(host);
    std::vector<LookupDone> waiting;
    bool more = false;
    {
      auto names = state().lock();
      waiting = settle(*names, host, found, asked_at);
      more = !names->queue.empty();
      if (more) {
        host = std::move(names->queue.front());
        names->queue.pop_front();
      } else {
        --names->threads;
      }
    }
    for (const LookupDone& done : waiting) done(found);
    if (!more) return;
  }
}

/// Detached, against the rule of this program: nothing ends getaddrinfo, so nothing could join it.
bool start_thread(const std::string& host) {
  try {
    std::thread(work, host).detach();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace

std::shared_ptr<const Lookup> look_up(const std::string& host, MonoTime now, LookupDone done) {
  std::vector<LookupDone> waiting;
  {
    auto names = state().lock();
    Name& name = names->names[host];
    const bool known = name.found != nullptr && now - name.asked_at < kKept;
    const auto found = known ? name.found : nullptr;
    if (known && now - name.asked_at < kFresh) return found;
    if (!known) name.waiting.push_back(std::move(done));
    if (name.under_way) return found;
    name.under_way = true;
    if (names->threads >= kLookupThreads) {
      names->queue.push_back(host);
      return found;
    }
    ++names->threads;
    if (start_thread(host)) return found;
    --names->threads;
    name.under_way = false;
    if (known) return found;
    waiting = std::exchange(name.waiting, {});
    names->names.erase(host);
  }
  auto failed = std::make_shared<Lookup>();
  failed->problem = "no thread could be started to look it up";
  for (const LookupDone& each : waiting) each(failed);
  return nullptr;
}

}  // namespace codedriftd
