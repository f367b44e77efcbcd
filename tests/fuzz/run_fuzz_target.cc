/// Runs a fuzz target as an ordinary test: the files named on the command line, or else made-up inputs, the same ones
/// in every run unless CODEDRIFTD_SEED says otherwise.
///
/// An input that ends the program is left in the file fuzz-finding in the current folder; the same program with that
/// file as its argument, or a debugger around it, has the finding again.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "support/seed.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size);
/// There in the sanitizers' builds only: they end the process without a signal.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

std::string current;  // the input that is being looked at, if it was made up here
bool from_file = false;

/// Calls only what is allowed after a crash.
void keep_finding() {
  constexpr std::string_view kKept = "the input is in fuzz-finding: run this program again with that file\n";
  constexpr std::string_view kNotKept = "the input could not be written to fuzz-finding; the seed above has it again\n";
  if (from_file) return;
  const int file = ::open("fuzz-finding", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool kept = file >= 0 && ::write(file, current.data(), current.size()) == static_cast<ssize_t>(current.size());
  const std::string_view said = kept ? kKept : kNotKept;
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, said.data(), said.size());
}

extern "C" void crashed(int signal) {
  keep_finding();
  ::raise(signal);  // SA_RESETHAND: now it ends the process
}

void keep_findings() {
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(keep_finding);
  struct sigaction action {};
  action.sa_handler = crashed;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  // A sanitizer has handlers for the others, and calls back.
  ::sigaction(SIGABRT, &action, nullptr);
  if (__sanitizer_set_death_callback != nullptr) return;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) ::sigaction(signal, &action, nullptr);
}

void feed(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

/// Mostly zeros and small numbers, which is what lengths and counts are made of.
std::string made_up(std::mt19937_64& random) {
  std::string bytes(random() % 200, '\0');
  for (char& byte : bytes) {
    const auto dice = random() % 8;
    if (dice < 2) byte = static_cast<char>(random() % 8);
    if (dice == 2) byte = static_cast<char>(random() % 256);
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  keep_findings();
  from_file = argc > 1;
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "%s cannot be read\n", argv[i]);
      return 1;
    }
    std::fprintf(stderr, "%s\n", argv[i]);
    feed({std::istreambuf_iterator<char>(file), {}});
  }
  if (from_file) return 0;
  std::mt19937_64 random = codedriftd::test::random_from(codedriftd::test::seed(1));
  for (int i = 0; i < 20'000; ++i) {
    current = made_up(random);
    feed(current);
  }
  return 0;
}
