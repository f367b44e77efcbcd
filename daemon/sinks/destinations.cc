#include "sinks/destinations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/secret.h"
#include "base/text.h"
#include "sinks/options.h"

namespace codedriftd {
namespace {

/// For all plugins together: less than the service manager waits for a sign of life.
constexpr Millis kForAll{20'000};

using Description = Result<PluginInfo, StartFailure>;

/// What is left of the time for all plugins together.
class Deadline {
 public:
  Millis left() const { return std::chrono::floor<Millis>(until_ - SystemClock{}.mono()); }

 private:
  const MonoTime until_ = SystemClock{}.mono() + kForAll;
};

/// Asks each plugin once, until the time for all of them is used up.
class Descriptions {
 public:
  Descriptions(std::string sinkhost, const Deadline& deadline) : sinkhost_(std::move(sinkhost)), deadline_(deadline) {}

  const Description& of(const std::string& file) {
    const auto known = known_.find(file);
    return known != known_.end() ? known->second : known_.emplace(file, ask(file)).first->second;
  }

 private:
  Description ask(const std::string& file) const {
    const Millis left = deadline_.left();
    if (left <= Millis{0}) {
      StartFailure failure;
      failure.message = "it was not asked which options it takes: others took too long to answer";
      return failure;
    }
    return describe_plugin(sinkhost_, file, left);
  }

  const std::string sinkhost_;
  const Deadline& deadline_;
  std::map<std::string, Description> known_;
};

/// The names of the plugins in `folder`: what stands before ".so", sorted; an error if it cannot be read.
Result<std::vector<std::string>> plugins_in(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".so") names.push_back(entry->path().stem().string());
  }
  if (error) return Error{fmt::format("{}: {}", folder, error.message())};
  std::sort(names.begin(), names.end());
  return names;
}

/// What would be right, if there is no such file.
std::string remedy(const Settings& settings, const AlertSettings& alert, const std::string& file) {
  std::error_code error;
  if (std::filesystem::exists(file, error)) return "";
  const auto names = plugins_in(settings.plugin_dir);
  const std::string near = names ? nearest(alert.plugin, *names) : "";
  return near.empty() ? "; install it, or set plugin_dir in [daemon]" : fmt::format("; did you mean \"{}\"?", near);
}

/// The place of the option that a plugin's words begin with ("url: …", "secret_file should …"), else of the [[alert]].
const Place& place_meant(const AlertSettings& alert, std::string_view words) {
  const std::size_t end = words.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
  const std::string name(words.substr(0, end));
  for (const std::string& key : {name, name + "_file"}) {
    if (const auto option = alert.options.find(key); option != alert.options.end()) return option->second.place;
  }
  return alert.place;
}

class Destinations {
 public:
  Destinations(const Settings& settings, const std::string& sinkhost, Looking looking)
      : settings_(settings), sinkhost_(sinkhost), looking_(looking), descriptions_(sinkhost, deadline_) {}

  DestinationReport check() {
    for (const AlertSettings& alert : settings_.alerts) check(alert);
    return std::move(report_);
  }

 private:
  void check(const AlertSettings& alert) {
    const std::string file = plugin_file(settings_, alert.plugin);
    const Description& plugin = descriptions_.of(file);
    if (!plugin) return cannot_be_used(alert, file, plugin.error());
    auto checked = check_options(*plugin, alert.options, alert.place);
    if (!checked) {
      report_.mistakes.insert(report_.mistakes.end(), checked.error().begin(), checked.error().end());
      return;
    }
    bool all_readable = true;
    for (const auto& [name, path] : checked->secret_files) {
      const auto secret = read_secret_file(path);
      if (secret) continue;
      all_readable = false;
      const std::string key = name + "_file";
      report_.warnings.push_back(
          {alert.options.at(key).place,
           harmless(fmt::format("{} cannot be read here: {}; so the plugin was not asked to open it", key,
                                secret.error().message))});
    }
    if (all_readable) open(alert, file);
  }

  void cannot_be_used(const AlertSettings& alert, const std::string& file, const StartFailure& failure) {
    const bool refused = failure.kind == StartFailure::Kind::refused;
    (refused ? report_.mistakes : report_.faults)
        .push_back({alert.plugin_place,
                    harmless(fmt::format("the plugin \"{}\" cannot be used: {}", alert.plugin, failure.message)) +
                        (refused ? remedy(settings_, alert, file) : "")});
  }

  void open(const AlertSettings& alert, const std::string& file) {
    const auto told = [&](std::vector<Mistake>& list, std::string_view words) {
      list.push_back({place_meant(alert, words), harmless(fmt::format("{}: {}", alert.plugin, words))});
    };
    const Millis left = deadline_.left();
    if (left <= Millis{0}) return told(report_.faults, "it was not opened: others took too long to answer");
    SinkProcess process(
        {alert.subscription.name, sinkhost_, file, alert.options, alert.place, std::min(left, kStartStep)});
    const auto opened = process.start();
    if (opened) return process.stop();
    const StartFailure& failure = opened.error();
    switch (failure.kind) {
      case StartFailure::Kind::mistakes:
        report_.mistakes.insert(report_.mistakes.end(), failure.mistakes.begin(), failure.mistakes.end());
        return;
      case StartFailure::Kind::refused: {
        const bool forbidden = failure.message.find(std::strerror(EACCES)) != std::string::npos;
        return told(forbidden && looking_ == Looking::as_somebody ? report_.warnings : report_.mistakes,
                    failure.message);
      }
      case StartFailure::Kind::retry:
        return told(report_.warnings, fmt::format("cannot be opened at the moment: {}", failure.message));
      case StartFailure::Kind::fault:
        return told(report_.faults, fmt::format("cannot be opened: {}", failure.message));
    }
  }

  const Settings& settings_;
  const std::string& sinkhost_;
  const Looking looking_;
  const Deadline deadline_;
  Descriptions descriptions_;
  DestinationReport report_;
};

}  // namespace

std::string plugin_file(const Settings& settings, const std::string& plugin) {
  return std::filesystem::absolute(fmt::format("{}/{}.so", settings.plugin_dir, plugin)).string();
}

DestinationReport check_destinations(const Settings& settings, const std::string& sinkhost, Looking looking) {
  return Destinations(settings, sinkhost, looking).check();
}

Result<std::vector<FoundPlugin>> find_plugins(const std::string& folder, const std::string& sinkhost) {
  const auto names = plugins_in(folder);
  if (!names) return names.error();
  const Deadline deadline;
  Descriptions descriptions(sinkhost, deadline);
  std::vector<FoundPlugin> found;
  for (const std::string& name : *names) {
    const std::string file = std::filesystem::absolute(fmt::format("{}/{}.so", folder, name)).string();
    found.push_back({file, descriptions.of(file)});
  }
  return found;
}

}  // namespace codedriftd
