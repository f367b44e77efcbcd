// codedriftd-receiver: prints the webhooks that arrive, for the demo.
#include <fmt/format.h>

#include <cstdio>

#include "base/json.h"
#include "base/text.h"
#include "support/program.h"
#include "support/receiver.h"
#include "support/standard_webhooks.h"
#include "support/test_ca.h"

namespace codedriftd::test {
namespace {

constexpr const char* kHelp = R"(codedriftd-receiver: a webhook receiver on 127.0.0.1 that prints the alerts it is sent.

  --port N              listen here (default: any free port)
  --port-file FILE      written once it listens: the port
  --secret-file FILE    the whsec_… secret that signatures are checked with (default: they are not)
  --status N            what to answer (default 204)
  --paths               print the path of each request, too: "webhook ID at PATH"
  --tls FOLDER          HTTPS, with a test CA it writes to FOLDER/ca.pem
  --max-seconds N       end by itself after so long
  --die-with-parent     end when the process that started it ends

It prints one line when it is ready, one block for each request, and ends on SIGTERM or SIGINT.
)";

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

/// A string member in a form that is safe to print; empty if it is not there or not a string.
std::string member(const Json& object, const char* name) {
  if (!object.is_object()) return "";
  const auto found = object.find(name);
  return found == object.end() || !found->is_string() ? "" : harmless(clean_utf8(found->get<std::string>()));
}

std::string readable(const ReceivedRequest& request) {
  const Json event = Json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  const Json alert = event.is_object() && event.contains("data") ? event["data"] : Json();
  if (!alert.is_object())
    return fmt::format("  not an alert: {} bytes: {}\n", request.body.size(), harmless(clean_utf8(request.body, 200)));
  std::string out =
      fmt::format("  {} [{}] {}\n", member(alert, "kind"), member(alert, "severity"), member(alert, "time"));
  const auto line = [&](std::string_view label, const std::string& text) {
    if (!text.empty()) out += fmt::format("  {:<10}{}\n", label, text);
  };
  line("", member(alert, "summary"));
  line("target", member(event, "subject"));
  line("status", member(alert, "status"));
  line("observed", member(alert, "observed_sha256"));
  line("accepted", member(alert, "accepted_sha256"));
  line("previous", member(alert, "previous_sha256"));
  line("resolution", member(alert, "resolution"));
  return out;
}

void print(const ReceivedRequest& request, const std::string& secret, bool paths, int64_t now) {
  std::string text = fmt::format("webhook {}{}\n{}", harmless(clean_utf8(request.header("webhook-id"), 100)),
                                 paths ? " at " + harmless(clean_utf8(request.path, 200)) : "", readable(request));
  if (!secret.empty()) {
    const WebhookVerdict verdict =
        check_webhook(secret, request.header("webhook-id"), request.header("webhook-timestamp"),
                      request.header("webhook-signature"), request.body, now);
    text += fmt::format("  {}\n", describe(verdict));
  }
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void serve(const Flags& flags) {
  const ProgramLife life(flags);
  const std::string secret = flags.has("secret-file") ? trimmed(read_file(flags.text("secret-file"))) : "";
  ReceiverOptions options;
  options.port = static_cast<uint16_t>(flags.number("port", 0, 65535));
  if (flags.has("tls")) options.tls = TestCa(flags.text("tls")).server();
  Receiver receiver(std::move(options));
  const SystemClock clock;
  receiver.set_default({.status = static_cast<int>(flags.number("status", 204, 599)), .headers = {}, .body = ""});
  receiver.on_request(
      [&](const ReceivedRequest& request) { print(request, secret, flags.has("paths"), to_ms(clock.wall()) / 1000); });
  life.announce({receiver.port()});
  std::printf("ready: %s\n", receiver.url().c_str());
  std::fflush(stdout);
  life.wait();
  receiver.stop();
}

int main_of(int argc, char** argv) {
  return guarded_main("codedriftd-receiver", [&] {
    std::set<std::string> values{"port", "secret-file", "status", "tls"};
    values.insert(ProgramLife::kValues.begin(), ProgramLife::kValues.end());
    std::set<std::string> switches{"paths"};
    switches.insert(ProgramLife::kSwitches.begin(), ProgramLife::kSwitches.end());
    const Flags flags(argc, argv, values, switches);
    if (flags.has("help")) {
      std::fputs(kHelp, stdout);
    } else {
      serve(flags);
    }
  });
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) { return codedriftd::test::main_of(argc, argv); }
