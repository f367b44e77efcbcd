#include "commands/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <stdexcept>
#include <utility>

#include "base/json.h"
#include "base/print.h"
#include "base/text.h"
#include "commands/options/options.h"
#include "commands/options/usage.h"
#include "commands/packages/contents.h"
#include "commands/packages/sides.h"
#include "commands/reach/ask.h"
#include "commands/reach/reading.h"
#include "package/examiner.h"
#include "package/render_diff.h"
#include "package/text_diff.h"

namespace codedriftd {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kDiffUsage = R"(codedriftd [--config FILE] diff TARGET [--from SIDE] [--to SIDE] [form]

Prints what changed inside a function: from the package that is accepted to the
one that is live, or between any two that are on record or at hand. The
program's own files come before what an installer put there; lock files as the
versions that changed. Of a function's layers, an alias or an image, named by its
qualifier ($LAYERS, $ALIAS.NAME, $IMAGE), it prints what it was and what it is.

  TARGET   ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER, or FUNCTION or
           FUNCTION:QUALIFIER where only one target has that name
  SIDE     accepted  what is accepted
           live      what is live
           previous  what was live before that
           HASH      64 hex digits, or the first 8 or more of a hash that the
                     function had
           FILE      a package (zip), to compare with what was built
           DIR       a folder, as if it had been packed; ./live is a folder of
                     that name
           With two files or folders no TARGET is needed, and no configuration.

)";
constexpr std::string_view kDiffAfter = R"(
Which files changed is known of every package that was looked into ([packages]
keep in the configuration). What changed inside them is known where the packages
themselves are kept (keep = "files"): to root and the daemon's own user, and
with --patch, from the running daemon, to those whom [control] diff names. Where
a content is not at hand sizes and hashes are shown in its place.

Exit code: 0 done; 1 a side is not there, or nobody could look into it; 64 wrong
usage; 78 wrong configuration; with --detailed-exitcode 2 if something changed.
)";

enum class Form { stat, name_status, patch, json };

struct DiffArguments {
  SideNames names;
  Form form = Form::stat;
  bool detailed = false;
  bool needs_record() const { return !names.target.empty(); }
};

DiffArguments read_arguments(const po::variables_map& values) {
  DiffArguments arguments;
  const auto targets = list_option(values, "TARGET");
  const auto side = [&](const char* name, const char* usual) {
    const std::string text = values.contains(name) ? text_option(values, name) : usual;
    if (text.empty()) throw UsageError(fmt::format("--{} is empty", name));
    return side_name(text);
  };
  arguments.names.from = side("from", "accepted");
  arguments.names.to = side("to", "live");
  const bool paths =
      arguments.names.from.kind == SideName::Kind::path && arguments.names.to.kind == SideName::Kind::path;
  if (targets.size() > 1 || (targets.empty() && !paths))
    throw UsageError(
        "diff takes one TARGET: codedriftd diff charge; with two files or folders none is needed: codedriftd diff "
        "--from FILE --to FILE");
  if (!targets.empty()) arguments.names.target = targets.front();
  int forms = 0;
  const auto form = [&](const char* name, Form meant) {
    if (!values.contains(name)) return;
    arguments.form = meant;
    ++forms;
  };
  form("stat", Form::stat);
  form("name-status", Form::name_status);
  form("patch", Form::patch);
  form("json", Form::json);
  if (forms > 1) throw UsageError("--name-status, --stat, --patch and --json do not go together");
  arguments.detailed = values.contains("detailed-exitcode");
  return arguments;
}

OrderedJson side_json(const Side& side) {
  const auto content = [&]() -> OrderedJson {
    if (side.value) return nullptr;
    try {
      return content_of(side.files).text();
    } catch (const std::invalid_argument&) {  // a name with a line break has no digest
      return nullptr;
    }
  };
  return {{"name", side.name.text},
          {"sha256", side.package ? OrderedJson(side.package->code.hex())
                     : side.value ? OrderedJson(side.value->sha256.hex())
                                  : OrderedJson()},
          {"content", content()},
          {"files", side.files.size()},
          {"value", side.value ? or_null<OrderedJson>(side.value->text) : OrderedJson()}};
}

/// A canonical text (model/value.h) with its end of line.
std::string whole_lines(const RecordedValue& value) {
  return (value.text.empty() ? value.sha256.hex() + ", what it stands for is not on record" : value.text) + '\n';
}

OrderedJson mode_value(uint32_t mode) { return mode == 0 ? OrderedJson() : OrderedJson(fmt::format("{:04o}", mode)); }

OrderedJson diff_json(const std::string& address, const Side& from, const Side& to, const Changes& changes,
                      const std::string& who) {
  OrderedJson files = OrderedJson::array();
  for (const ChangedFile& file : changes.files)
    files.push_back({{"name", clean_utf8(file.name, file.name.size())},
                     {"change", to_string(file.change)},
                     {"mode_before", mode_value(file.mode_before)},
                     {"mode_after", mode_value(file.mode_after)}});
  return {{"schema", "codedriftd.diff.v1"},
          {"target", address.empty() ? OrderedJson() : OrderedJson(address)},
          {"from", side_json(from)},
          {"to", side_json(to)},
          {"added", changes.added},
          {"removed", changes.removed},
          {"changed", changes.changed},
          {"modes", changes.modes},
          {"same_content", changes.same_content},
          {"files", std::move(files)},
          {"who", or_null<OrderedJson>(who)}};
}

/// One `diff`, once its arguments are understood.
class DiffCommand {
 public:
  DiffCommand(const DiffContext& context, DiffArguments arguments)
      : context_(context), arguments_(std::move(arguments)) {
    if (arguments_.needs_record()) settings_ = context_.settings();
  }

  int run() {
    if (arguments_.needs_record()) {
      auto read = read_record(
          settings_, [&](Database& db) { return read_sides(db, settings_, arguments_.names, context_.clock.wall()); });
      if (!read) return say(context_.err, "diff", exit_code_of(read.error()), read.error().message);
      address_ = read->address;
      same_hash_ = read->same_hash;
      who_ = std::move(read->who);
      from_ = {
          arguments_.names.from, std::move(read->from_files), std::move(read->from), {}, std::move(read->from_value)};
      to_ = {arguments_.names.to, std::move(read->to_files), std::move(read->to), {}, std::move(read->to_value)};
      if (from_.value && to_.value) return compare_values();
    }
    for (auto [side, name] : {std::pair(&from_, &arguments_.names.from), std::pair(&to_, &arguments_.names.to)}) {
      if (name->kind != SideName::Kind::path) continue;
      auto found = side_at_path(*name, settings_.packages.limits, [&](int package_fd) {
        return context_.examine(package_fd, settings_.packages.limits);
      });
      if (!found) return say(context_.err, "diff", EXIT_FAILURE, found.error().message);
      *side = std::move(*found);
    }
    const Changes changes = compare(from_.files, to_.files);
    print_changes(changes);
    return arguments_.detailed && !changes.files.empty() ? kExitDiffers : EXIT_SUCCESS;
  }

 private:
  static constexpr int kExitDiffers = 2;
  static constexpr std::size_t kMostCounted = 1'000;

  /// Layers, aliases and images are compared by what they are, in every form.
  int compare_values() {
    if (arguments_.form == Form::json) {
      Changes changes;
      changes.same_content = same_hash_;
      print(context_.out, "{}\n", plain_json(diff_json(address_, from_, to_, changes, who_)));
    } else {
      print(context_.out, "{}: from {} to {}{}\n", harmless(address_), words_of(from_), words_of(to_),
            same_hash_ ? ": the same hash, nothing changed" : "");
      if (!who_.empty()) print(context_.out, "{}\n", harmless(who_));
      constexpr std::size_t kAllLines = 1'000;
      const TextDiff diff = text_diff(whole_lines(*from_.value), whole_lines(*to_.value), {.context = kAllLines});
      std::string_view hunks = diff.hunks;
      hunks.remove_prefix(std::min(hunks.find('\n') + 1, hunks.size()));  // where the lines stand
      print(context_.out, "{}", harmless_diff(hunks));
    }
    return arguments_.detailed && !same_hash_ ? kExitDiffers : EXIT_SUCCESS;
  }

  void print_changes(const Changes& changes) {
    if (arguments_.form == Form::json) {
      print(context_.out, "{}\n", plain_json(diff_json(address_, from_, to_, changes, who_)));
      return;
    }
    if (arguments_.form == Form::stat) {
      print(context_.out, "{}from {} to {}{}\n", address_.empty() ? "" : harmless(address_) + ": ", words_of(from_),
            words_of(to_),
            same_hash_              ? ": the same hash, nothing changed"
            : changes.files.empty() ? ": the same files, contents and modes"
                                    : "");
      if (!who_.empty()) print(context_.out, "{}\n", harmless(who_));
    }
    if (changes.files.empty()) return;
    const auto before = contents_of(from_), after = contents_of(to_);
    DiffOptions options;
    options.form = arguments_.form == Form::patch         ? DiffForm::patch
                   : arguments_.form == Form::name_status ? DiffForm::name_status
                                                          : DiffForm::stat;
    // A patch that is redirected is for patch(1), which needs the bytes as they are.
    options.safe = context_.terminal || arguments_.form != Form::patch;
    if (context_.terminal) options.width = terminal_width();
    // Each content that is asked for takes a process: of so many changes their sizes say enough.
    if (arguments_.form == Form::stat && changes.files.size() > kMostCounted) options.most_bytes = 0;
    const auto ask = [](ContentSource& source) {
      return [&source](const PackageFile& file) {
        return file.size == 0 ? std::optional(std::string()) : source.content(file);
      };
    };
    render_diff({from_.files, ask(*before)}, {to_.files, ask(*after)}, options,
                [&](std::string_view piece) { context_.out << piece; });
    context_.out << std::flush;
    if (arguments_.form == Form::patch) remark(*before, *after);
  }

  std::unique_ptr<ContentSource> contents_of(Side& side) {
    if (side.package)
      return recorded_contents(settings_, *side.package, context_.clock, arguments_.form == Form::patch);
    if (!side.zip.valid()) return folder_contents(side.name.text);
    return zip_contents(std::move(side.zip), {.program = find_examiner(), .limits = settings_.packages.limits},
                        shown(side.name.text));
  }

  static std::string shown(const std::string& path) { return harmless(clean_utf8(path, 200)); }

  /// Why contents are missing in the patch: once, what both sides have in common.
  void remark(const ContentSource& before, const ContentSource& after) {
    const std::string& first = before.trouble().empty() ? after.trouble() : before.trouble();
    if (first.empty()) return;
    say(context_.err, "diff", EXIT_SUCCESS, fmt::format("note: sizes and hashes in place of some contents: {}", first));
  }

  const DiffContext& context_;
  const DiffArguments arguments_;
  Settings settings_;
  std::string address_;
  bool same_hash_ = false;
  std::string who_;
  Side from_, to_;
};

}  // namespace

int run_diff(const std::vector<std::string>& args, const DiffContext& context) {
  po::options_description options;
  auto add = options.add_options();
  add("from", po::value<std::string>()->value_name("SIDE"), "what to compare with; default accepted");
  add("to", po::value<std::string>()->value_name("SIDE"), "what to compare; default live");
  add("stat", "each file with how many lines changed in it; this is the default");
  add("name-status", "each file with a letter: A added, D removed, M changed, m another mode");
  add("patch", "unified diffs, as patch(1) and git apply take them");
  add("json", "print one JSON object (codedriftd.diff.v1)");
  add("detailed-exitcode", "exit code 2 if something changed");
  po::variables_map values;
  if (!read_options(args, kDiffUsage, kDiffAfter, options, "TARGET", values, context.out)) return EXIT_SUCCESS;
  DiffArguments arguments = read_arguments(values);
  DiffCommand command(context, std::move(arguments));
  try {
    return command.run();
  } catch (const std::exception& error) {
    return say(context.err, "diff", EXIT_FAILURE, error.what());
  }
}

}  // namespace codedriftd
