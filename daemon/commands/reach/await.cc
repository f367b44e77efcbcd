#include "commands/reach/await.h"

#include <thread>

#include "base/json.h"

namespace codedriftd {

Result<JsonBox> await_ticket(const Settings& settings, const std::string& ticket, const Clock& clock,
                             const Patience& patience,
                             const std::function<void(std::size_t done, std::size_t total)>& word) {
  constexpr Millis kBetweenQuestions{200};
  for (;;) {
    auto reply = ask_running_daemon(settings, "progress", Json{{"ticket", ticket}}, clock, patience);
    if (!reply) return Error{reply.error().message};
    if (!*reply) return Error{"the daemon stopped meanwhile"};
    const Json& progress = ***reply;
    const auto total = progress.at("total").get<std::size_t>();
    const auto left = progress.at("left").get<std::size_t>();
    if (left == 0) return JsonBox(progress);
    word(total - left, total);
    std::this_thread::sleep_for(kBetweenQuestions);
  }
}

}  // namespace codedriftd
