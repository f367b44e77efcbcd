// Time and peak memory of examining packages, beside what `unzip -t` and `sha256sum` need for the same file.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <random>

#include "bench/bench.h"
#include "package/examiner.h"
#include "support/process.h"
#include "support/program.h"
#include "support/temp_dir.h"
#include "support/zip_writer.h"

namespace codedriftd::test {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

struct Cost {
  double ms = 0;
  double cpu_ms = 0;  ///< of the program alone: it does not depend on what else the machine does
  double mib = 0;     ///< peak resident memory
};

/// Code, more or less: words of a few letters, which deflate makes a third of.
std::string code(std::mt19937_64& random, std::size_t size) {
  std::string text;
  text.reserve(size + 16);
  while (text.size() < size) {
    uint64_t bits = random();
    for (auto letters = 2 + bits % 7; letters > 0; --letters, bits /= 20) text += static_cast<char>('a' + bits % 20);
    text += bits % 9 == 0 ? '\n' : ' ';
  }
  text.resize(size);
  return text;
}

void make_package(const std::string& path, uint64_t bytes, uint64_t files) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) throw std::runtime_error("cannot write " + path);
  std::mt19937_64 random(bytes);
  ZipWriter writer([file](std::string_view piece) { std::fwrite(piece.data(), 1, piece.size(), file); });
  for (uint64_t i = 0; i < files; ++i) {
    const uint64_t size = bytes / files + (i < bytes % files ? 1 : 0);
    writer.add({.name = fmt::format("node_modules/package-{}/lib/file-{}.js", i / 50, i),
                .content = code(random, static_cast<std::size_t>(size)),
                .zip64 = true,
                .level = 1});
  }
  writer.finish({.zip64_end = true});
  if (std::fclose(file) != 0) throw std::runtime_error("cannot write " + path);
}

/// Does the work of one row and prints what it took. In a process of its own: what a program had for its peak before it
/// was exchanged for another by exec() counts for the other one too.
void once(const std::string& what, const std::string& path, uint64_t files) {
  const MonoTime begin = SystemClock{}.mono();
  if (what == "examine") {
    const UniqueFd package(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ExaminerJob job{.program = CODEDRIFTD_BINARY_DIR "/codedriftd-examiner"};
    job.limits.package = 1024 * kMiB;
    const auto result = examine(package.get(), job);
    if (!result) throw std::runtime_error(result.error().message);
    if (!result->ambiguous.empty() || result->files.size() != files)
      throw std::runtime_error("the package was not read: " + result->ambiguous);
  } else {
    ChildOptions options;
    options.argv =
        what == "unzip" ? std::vector<std::string>{"unzip", "-tqq", path} : std::vector<std::string>{"sha256sum", path};
    if (code_of(run(options, Millis{300'000})) != 0) throw std::runtime_error(what + " failed");
  }
  const std::chrono::duration<double, std::milli> took = SystemClock{}.mono() - begin;
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  fmt::print("{} {} {}\n", took.count(), ms(used.ru_utime) + ms(used.ru_stime),
             static_cast<double>(used.ru_maxrss) / 1024);
}

Cost cost_of(const char* self, const std::string& what, const std::string& path, uint64_t files) {
  ChildOptions options;
  options.argv = {self, "--once", what, "--file", path, "--files", std::to_string(files)};
  const RunResult result = run(options, Millis{600'000});
  Cost cost;
  if (code_of(result) != 0 || std::sscanf(result.out.c_str(), "%lf %lf %lf", &cost.ms, &cost.cpu_ms, &cost.mib) != 3)
    throw std::runtime_error(result.err);
  return cost;
}

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"mib", "files", "once", "file"}, {});
  if (flags.has("once")) {
    once(flags.text("once"), flags.text("file"), flags.number("files", 0, 1'000'000));
    return;
  }
  const bool has_unzip = code_of(run({.argv = {"sh", "-c", "command -v unzip"}})) == 0;
  const TempDir folder;
  for (const uint64_t mib : {uint64_t{1}, uint64_t{50}, uint64_t{500}}) {
    if (flags.has("mib") && flags.number("mib", 0, 500) != mib) continue;
    const uint64_t files = flags.number("files", std::min<uint64_t>(20'000, mib * 40), 20'000);
    const std::string path = folder / "package.zip";
    make_package(path, mib * kMiB, files);
    Table table(fmt::format("a package of {} MiB, {} files, zip64, {:.1f} MiB packed", mib, files,
                            static_cast<double>(std::filesystem::file_size(path)) / kMiB));
    const auto text = [](const Cost& cost) {
      return fmt::format("{:.0f} ms ({:.0f} of CPU), {:.1f} MiB", cost.ms, cost.cpu_ms, cost.mib);
    };
    const Cost examined = cost_of(argv[0], "examine", path, files);
    table.row("codedriftd-examiner, peak memory", judged(examined.ms <= 10'000 && examined.mib < 32, text(examined)),
              "10,000 ms, 32 MiB", "");
    table.row("unzip -t", has_unzip ? text(cost_of(argv[0], "unzip", path, files)) : "not here", "", "");
    table.row("sha256sum", text(cost_of(argv[0], "sha256sum", path, files)), "", "");
    table.print();
  }
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_examine", [&] { codedriftd::test::bench(argc, argv); });
}
