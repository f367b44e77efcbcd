// codedriftd-simulated-scf: the simulated API as a program, for the demo and for scripts.
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "support/program.h"
#include "support/simulated_scf.h"
#include "support/test_ca.h"

namespace codedriftd::test {
namespace {

constexpr const char* kHelp =
    R"(codedriftd-simulated-scf: answers on 127.0.0.1 as the cloud would where SCF and its audit log are read, with no cloud
account.

  --port N              listen here (default: any free port)
  --control-port N      serve /_control here, too (default: any free port)
  --port-file FILE      written once it listens: the port, and on a second line the control port
  --secret-id ID        the only credential that is accepted (default FAKE-SECRET-ID-0001
  --secret-key KEY        with FAKE-SECRET-KEY-0001-NOT-A-REAL-KEY)
  --token TOKEN         of temporary credentials (default: none)
  --function REGION/NAMESPACE/NAME:QUALIFIER=SHA256    a function that exists; may stand there many times
  --functions FILE      the same, one a line; # begins a comment
  --deploy REGION/NAMESPACE/NAME:QUALIFIER=FOLDER      one whose package holds the files of FOLDER; may stand there many
                        times. More are deployed through /_control
  --rate N              calls of GetFunctionAddress a second for each region (default: no limit); for more see
                        /_control/rates
  --latency MIN-MAX     milliseconds before it answers, after the request was counted; also
  --latency-before MIN-MAX    before it is counted
  --latency-split MIN-MAX     half before, half after
  --seed N              of the latencies
  --tls FOLDER          HTTPS, with a test CA it writes to FOLDER/ca.pem
  --max-seconds N       end by itself after so long
  --die-with-parent     end when the process that started it ends

It prints one line when it is ready and ends on SIGTERM or SIGINT.
)";

ScfLatency::Range range(const Flags& flags, const std::string& name) {
  const std::string value = flags.text(name);
  if (value.empty()) return {};
  unsigned min = 0;
  unsigned max = 0;
  char rest = 0;
  if (std::sscanf(value.c_str(), "%u-%u%c", &min, &max, &rest) != 2 || max < min || max > 600000)
    throw WrongUsage("--" + name + " must be MIN-MAX in milliseconds");
  return {Millis{min}, Millis{max}};
}

void set_function(SimulatedScf& scf, const std::string& text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos || !Target::parse("any/" + text.substr(0, equals)).ok())
    throw WrongUsage("'" + text + "' is not REGION/NAMESPACE/NAME:QUALIFIER=SHA256");
  scf.set(text.substr(0, equals), text.substr(equals + 1));
}

void read_functions(SimulatedScf& scf, const std::string& file) {
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line[0] != '#') set_function(scf, line);
}

void deploy_folder(SimulatedScf& scf, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || !Target::parse("any/" + text.substr(0, equals)).ok())
    throw WrongUsage("'" + text + "' is not REGION/NAMESPACE/NAME:QUALIFIER=FOLDER");
  const std::filesystem::path folder = text.substr(equals + 1);
  std::map<std::string, std::string> files;
  std::map<std::string, uint32_t> modes;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().lexically_relative(folder).generic_string();
    files[name] = read_file(entry.path().string());
    modes[name] = static_cast<uint32_t>(entry.status().permissions());
  }
  scf.deploy(text.substr(0, equals), files, modes);
}

void serve(const Flags& flags) {
  const ProgramLife life(flags);
  ScfOptions options;
  options.port = static_cast<uint16_t>(flags.number("port", 0, 65535));
  options.control_port = static_cast<uint16_t>(flags.number("control-port", 0, 65535));
  options.credentials = {{flags.text("secret-id", kFakeCredential.secret_id),
                          flags.text("secret-key", kFakeCredential.secret_key), flags.text("token")}};
  options.requests_per_second = static_cast<unsigned>(flags.number("rate", 0, 1000000));
  options.latency = {range(flags, "latency-before"), range(flags, "latency"), range(flags, "latency-split")};
  options.seed = flags.number("seed", 1, UINT64_MAX);
  if (flags.has("tls")) options.tls = TestCa(flags.text("tls")).server();

  SimulatedScf scf(std::move(options));
  if (flags.has("functions")) read_functions(scf, flags.text("functions"));
  for (const std::string& function : flags.all("function")) set_function(scf, function);
  for (const std::string& function : flags.all("deploy")) deploy_folder(scf, function);
  life.announce({scf.port(), scf.control_port()});
  std::printf("ready: %s, control on http://127.0.0.1:%u/_control/\n", scf.endpoint().c_str(), scf.control_port());
  std::fflush(stdout);
  life.wait();
}

int main_of(int argc, char** argv) {
  return guarded_main("codedriftd-simulated-scf", [&] {
    std::set<std::string> values{"port",          "control-port", "secret-id", "secret-key", "token",
                                 "function",      "functions",    "rate",      "latency",    "latency-before",
                                 "latency-split", "seed",         "tls",       "deploy"};
    values.insert(ProgramLife::kValues.begin(), ProgramLife::kValues.end());
    const Flags flags(argc, argv, values, ProgramLife::kSwitches);
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
