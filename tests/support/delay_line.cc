#include "support/delay_line.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace codedriftd::test {
namespace {

using Steady = std::chrono::steady_clock;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::system_error(ENAMETOOLONG, std::generic_category(), path);
  path.copy(address.sun_path, path.size());
  return address;
}

/// What all connections of a line go through: closed, it lets nothing pass.
class Gate {
 public:
  void set_open(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
};

/// One direction: a thread takes in, another one hands on when it is time.
class OneWay {
 public:
  OneWay(int from, int to, std::chrono::microseconds delay, Gate& gate)
      : from_(from), to_(to), delay_(delay), gate_(gate) {
    reading_ = std::jthread([this] { take_in(); });
    writing_ = std::jthread([this] { hand_on(); });
  }
  bool over() const { return over_; }

 private:
  struct Piece {
    Steady::time_point due;
    std::string bytes;  ///< none: the end
  };
  void take_in() {
    std::string buffer(65'536, '\0');
    for (bool more = true; more;) {
      const ssize_t size = ::recv(from_, buffer.data(), buffer.size(), 0);
      more = size > 0;
      const std::lock_guard lock(mutex_);
      pieces_.push_back({Steady::now() + delay_, buffer.substr(0, more ? static_cast<std::size_t>(size) : 0)});
      arrived_.notify_one();
    }
  }
  void hand_on() {
    for (;;) {
      Piece piece;
      {
        std::unique_lock lock(mutex_);
        arrived_.wait(lock, [this] { return !pieces_.empty(); });
        piece = std::move(pieces_.front());
        pieces_.pop_front();
      }
      std::this_thread::sleep_until(piece.due);
      gate_.wait();
      if (piece.bytes.empty()) break;
      for (std::size_t done = 0; done < piece.bytes.size();) {
        const ssize_t sent = ::send(to_, piece.bytes.data() + done, piece.bytes.size() - done, MSG_NOSIGNAL);
        if (sent <= 0) break;
        done += static_cast<std::size_t>(sent);
      }
    }
    ::shutdown(to_, SHUT_WR);
    over_ = true;
  }

  int from_, to_;
  std::chrono::microseconds delay_;
  Gate& gate_;
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Piece> pieces_;
  std::jthread reading_, writing_;
};

/// Both directions of one connection.
struct Line {
  Line(UniqueFd a, UniqueFd b, std::chrono::microseconds delay, Gate& gate)
      : here(std::move(a)),
        there(std::move(b)),
        out(here.get(), there.get(), delay, gate),
        back(there.get(), here.get(), delay, gate) {}
  UniqueFd here, there;
  OneWay out, back;
};

}  // namespace

struct DelayLine::State {
  std::string to;
  std::chrono::microseconds delay;
  Gate gate;
  UniqueFd listener;
  std::vector<std::unique_ptr<Line>> lines;  ///< the accepting thread's, until it ends
  std::jthread accepting;

  void accept_all() {
    for (;;) {
      UniqueFd here(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!here.valid()) return;
      UniqueFd there(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const sockaddr_un address = address_of(to);
      if (::connect(there.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) continue;
      std::erase_if(lines, [](const auto& line) { return line->out.over() && line->back.over(); });
      lines.push_back(std::make_unique<Line>(std::move(here), std::move(there), delay, gate));
    }
  }
};

DelayLine::DelayLine(const std::string& from, const std::string& to, std::chrono::microseconds round_trip)
    : state_(std::make_unique<State>()) {
  state_->to = to;
  state_->delay = round_trip / 2;
  state_->listener.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(from);
  if (::bind(state_->listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(state_->listener.get(), 16) != 0)
    throw std::system_error(errno, std::generic_category(), from);
  state_->accepting = std::jthread([state = state_.get()] { state->accept_all(); });
}

void DelayLine::cut() { state_->gate.set_open(false); }
void DelayLine::mend() { state_->gate.set_open(true); }

DelayLine::~DelayLine() {
  mend();
  ::shutdown(state_->listener.get(), SHUT_RDWR);
  state_->accepting.join();
  for (const auto& line : state_->lines) {
    ::shutdown(line->here.get(), SHUT_RDWR);
    ::shutdown(line->there.get(), SHUT_RDWR);
  }
}

}  // namespace codedriftd::test
