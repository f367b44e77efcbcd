// CPU time of this process for one poll, by part and as a whole; beside it what a bare libcurl loop takes. The server
// is a child process: its CPU time is not in it.
#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <thread>

#include "base/sha256.h"
#include "bench/bench.h"
#include "bench/rig.h"
#include "cloud/tc3.h"
#include "support/process.h"
#include "support/program.h"
#include "support/simulated_scf.h"

namespace codedriftd::test {
namespace {

constexpr unsigned kFunctions = 4000;
constexpr int kRounds = 5;

/// Runs `work` (which does `count` of something) a few times; the median of the CPU time of one, in microseconds.
double median_us(double (*cpu)(), unsigned count, const std::function<void()>& work) {
  std::vector<double> rounds;
  for (int i = 0; i < kRounds; ++i) {
    const double before = cpu();
    work();
    rounds.push_back((cpu() - before) / count);
  }
  return quantile(rounds, 0.5);
}

/// The simulated API over TLS as a child.
struct Server {
  /// `latency` as the program takes it: "MIN-MAX".
  Server(const TempDir& dir, const std::string& latency) : ca(dir / "tls/ca.pem") {
    std::string functions;
    for (unsigned i = 0; i < kFunctions; ++i) {
      functions += fmt::format("{}={}\n", SimulatedScf::key(bench_target(i)), sha256("reviewed").hex());
    }
    const std::string port_file = dir / "port";
    std::filesystem::create_directories(dir / "tls");
    ChildOptions options;
    options.argv = {CODEDRIFTD_BINARY_DIR "/codedriftd-simulated-scf",
                    "--tls",
                    dir / "tls",
                    "--functions",
                    dir.write("functions", functions),
                    "--latency",
                    latency,
                    "--port-file",
                    port_file,
                    "--die-with-parent",
                    "--max-seconds",
                    "600"};
    child = std::make_unique<Child>(std::move(options));
    if (!wait_until([&] { return std::filesystem::exists(port_file); }, Millis{20'000}))
      throw std::runtime_error("the simulated API did not start: " + child->err());
    unsigned port = 0;
    std::ifstream(port_file) >> port;
    endpoint = fmt::format("https://127.0.0.1:{}", port);
  }
  std::string ca, endpoint;
  std::unique_ptr<Child> child;
};

/// `host` and `body` have to outlive it.
Tc3Request request_to_sign(std::string_view host, std::string_view body) {
  Tc3Request request;
  request.content_type = "application/json";
  request.host = host;
  request.body = body;
  return request;
}

std::string body_of(const Target& target) {
  return fmt::format(R"({{"FunctionName":"{}","Namespace":"{}","Qualifier":"{}"}})", target.function, target.ns,
                     target.qualifier);
}

double sign_us(unsigned calls) {
  Tc3Signer signer;
  const Secret key(kFakeCredential.secret_key);
  const std::string body = body_of(bench_target(1));
  const Tc3Request request = request_to_sign("127.0.0.1:12345", body);
  std::size_t length = 0;
  const double us = median_us(thread_cpu_us, calls, [&] {
    for (unsigned i = 0; i < calls; ++i)
      length += signer.sign("scf", 1, kFakeCredential.secret_id, key, 1'700'000'000, request).size();
  });
  if (length == 0) throw std::logic_error("nothing was signed");
  return us;
}

double parse_us(unsigned calls) {
  const std::string body = fmt::format(
      R"({{"Response":{{"Url":"https://example.com/{:0>900}","CodeSha256":"{}","RequestId":"5d2a0f1e-0000-4000-8000-000000000000"}}}})",
      "", sha256("reviewed").hex());
  return median_us(thread_cpu_us, calls, [&] {
    for (unsigned i = 0; i < calls; ++i) {
      if (!read_answer(body).observation.sha256) throw std::logic_error("the answer was not understood");
    }
  });
}

Observation observed() {
  Observation seen;
  seen.outcome = codedriftd::Outcome::observed;
  seen.sha256 = sha256("reviewed");
  seen.error.request_id = "5d2a0f1e-0000-4000-8000-000000000000";
  return seen;
}

double decide_us(unsigned calls) {
  const Target target = bench_target(1);
  WallTime now{Millis{1'700'000'000'000}};
  Watched watched;
  watched.interval = watched.deploy_grace = watched.stale_after = Millis{60'000};
  TargetState state = decide(target, {}, watched, now).state;
  const Input input = observed();
  return median_us(thread_cpu_us, calls, [&] {
    for (unsigned i = 0; i < calls; ++i) state = decide(target, state, input, now += Millis{1'000}).state;
  });
}

/// A poll that changed nothing in the ledger (the decision is in it), and its share of a COMMIT of `group`, the flush
/// included.
double record_us(unsigned calls, unsigned group) {
  const Observation seen = observed();
  Rig rig;  // its end does what is still queued
  const std::vector<WatchedTarget> targets = rig.watch(kFunctions, Millis{60'000});
  WallTime now = rig.clock.wall();
  const auto poll = [&](unsigned times) {
    for (unsigned i = 0; i < times; ++i) {
      now += Millis{20};
      rig.writer->post(std::make_shared<SeenPoll>(rig.ledger, Poll{targets[i % kFunctions].id, seen, now, {}}), {},
                       Writer::Keep::unless_crowded);
      if ((i + 1) % group == 0) rig.writer->run([](Tx&) {});
    }
  };
  poll(kFunctions);
  return median_us(process_cpu_us, calls, [&] { poll(calls); });
}

/// The real client: sign, call, parse. `in_flight` at a time.
double api_us(const Server& server, unsigned calls, unsigned in_flight) {
  SystemClock clock;
  CurlApi api(clock);
  api.set_accounts({bench_account(clock, server.endpoint, server.ca)});
  const auto call = [&](unsigned times) {
    unsigned started = 0;
    unsigned answered = 0;
    while (answered < times) {
      while (started < times && api.in_flight() < in_flight) {
        api.start({bench_target(started++ % kFunctions)}, [&answered](const ApiAnswer& answer) {
          if (!answer.observation.sha256) throw std::runtime_error("no answer: " + answer.observation.error.message);
          ++answered;
        });
      }
      api.turn(Millis{1'000});
    }
  };
  call(4 * in_flight);  // connections are made
  return median_us(thread_cpu_us, calls, [&] { call(calls); });
}

std::size_t collect(char* data, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

/// What is compared with: one easy handle, kept alive; it signs with this project's own code, and reads nothing.
double bare_us(const Server& server, unsigned calls) {
  const std::string url = server.endpoint + "/";
  const std::string host = server.endpoint.substr(8);
  const Secret key(kFakeCredential.secret_key);
  Tc3Signer signer;
  const SystemClock clock;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(curl_easy_init(), &curl_easy_cleanup);
  std::string answer;
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_CAINFO, server.ca.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, 10'000L);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &collect);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &answer);
  const auto call = [&](unsigned times) {
    for (unsigned i = 0; i < times; ++i) {
      const std::string body = body_of(bench_target(i % kFunctions));
      const int64_t timestamp = to_ms(clock.wall()) / 1000;
      const std::string authorization =
          signer.sign("scf", 1, kFakeCredential.secret_id, key, timestamp, request_to_sign(host, body));
      curl_slist* headers = nullptr;
      for (const std::string& line :
           {"Host: " + host, std::string("Content-Type: application/json"), "Authorization: " + authorization,
            std::string("X-TC-Action: GetFunctionAddress"), std::string("X-TC-Version: 2018-04-16"),
            fmt::format("X-TC-Timestamp: {}", timestamp), std::string("X-TC-Region: ap-guangzhou")})
        headers = curl_slist_append(headers, line.c_str());
      curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers);
      curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, body.c_str());
      curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
      answer.clear();
      const CURLcode code = curl_easy_perform(easy.get());
      curl_slist_free_all(headers);
      if (code != CURLE_OK || answer.find("CodeSha256") == std::string::npos)
        throw std::runtime_error(fmt::format("the bare loop got no answer: {}", curl_easy_strerror(code)));
    }
  };
  call(4);
  return median_us(thread_cpu_us, calls, [&] { call(calls); });
}

/// The whole: Poller, CurlApi, Ledger, Writer, on their own threads, with functions due all the time.
struct Whole {
  double us = 0;
  uint64_t polls = 0;
};
Whole whole(const Server& server, unsigned functions, Millis interval, double limit, unsigned seconds) {
  Rig rig;
  Poller::Watch watch;
  watch.targets = rig.watch(functions, interval);
  watch.paces["bench"] = {"bench", limit};
  watch.apply = [&] { rig.api.set_accounts({bench_account(rig.clock, server.endpoint, server.ca)}); };
  rig.poller->set_watch(std::move(watch));
  rig.poller->start();
  const auto finished = [&] { return rig.poller->stats().polls[0]; };
  // The first poll of each is news (a baseline, an event), and opens connections.
  if (!wait_until([&] { return finished() >= 2 * functions; }, Millis{30'000}))
    throw std::runtime_error("the polls do not come along");
  std::vector<double> rounds;
  Whole result;
  for (unsigned i = 0; i < seconds; ++i) {
    const uint64_t before = finished();
    const double cpu = process_cpu_us();
    std::this_thread::sleep_for(Millis{1'000});
    const uint64_t polls = finished() - before;
    if (polls > 0) rounds.push_back((process_cpu_us() - cpu) / static_cast<double>(polls));
    result.polls += polls;
  }
  result.us = quantile(rounds, 0.5);
  return result;
}

std::string us(double value) { return fmt::format("{:.1f} us", value); }

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"calls", "seconds", "functions"}, {});
  const auto calls = static_cast<unsigned>(flags.number("calls", 4'000, 1'000'000));
  const auto seconds = static_cast<unsigned>(flags.number("seconds", 9, 600));
  const auto functions = static_cast<unsigned>(flags.number("functions", kFunctions, 100'000));
  prepare_process();
  TempDir dir;
  const Server server(dir, "0-0");
  const TempDir far_dir;
  const Server far(far_dir, "20-60");

  const double bare = bare_us(server, calls);
  const double one = api_us(server, calls, 1);
  const double eight = api_us(server, calls, 8);
  const double bare_far = bare_us(far, std::min(calls, 100U));
  const double many = api_us(far, calls, 32);
  const double sign = sign_us(calls);
  const double parse = parse_us(calls);
  const double decision = decide_us(calls);
  const double lone = record_us(calls, 20);
  const double grouped = record_us(calls, 1000);
  const Whole lifted = whole(server, functions, Millis{100}, 1e6, seconds);
  const Whole many_a_second = whole(server, std::min(functions, 1000U), Millis{1'000}, 1e6, seconds);
  const Whole slow = whole(server, 20, Millis{1'000}, 1e6, seconds);

  Table table(fmt::format("CPU time of this process for one poll, medians of {} rounds", kRounds));
  table.row("sign", us(sign));
  table.row("call over TLS, one in flight", us(one - sign - parse), "",
            fmt::format("bare libcurl loop, signing and calling: {}", us(bare)));
  table.row("call over TLS, 8 in flight", us(eight - sign - parse));
  table.row("call over TLS, 32 in flight, answers after 20-60 ms", us(many - sign - parse), "",
            fmt::format("bare loop, one in flight: {}", us(bare_far)));
  table.row("parse", us(parse), "", "the bare loop reads nothing");
  table.row("decide", us(decision));
  table.row("durable record, 1000 to a commit", us(grouped - decision));
  table.row("durable record, 20 to a commit", us(lone - decision), "", "20 is what the API's limit gives a second");
  table.row("sum of parts, one in flight", us(one + grouped), "", fmt::format("{:.2f} x bare", (one + grouped) / bare));
  const auto against_bare = [&](double value) { return fmt::format("{:.2f} x bare", value / bare); };
  table.row(fmt::format("whole, limit lifted: {} functions as fast as it goes ({} polls)", functions, lifted.polls),
            judged(lifted.us <= 60, us(lifted.us)), "60 us", against_bare(lifted.us));
  table.row(fmt::format("whole, {} functions each second ({} polls)", std::min(functions, 1000U), many_a_second.polls),
            us(many_a_second.us), "", against_bare(many_a_second.us) + "; it sleeps between polls");
  table.row(fmt::format("whole, 20 functions each second ({} polls)", slow.polls), us(slow.us), "",
            "nothing is shared: cold caches, a wake-up for each step, a commit for 20");
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_poll", [&] { codedriftd::test::bench(argc, argv); });
}
