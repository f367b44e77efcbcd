#include "sinks/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <tuple>

#include "base/json.h"
#include "base/text.h"

namespace codedriftd {
namespace {

using Value = decltype(OptionValue::value);
constexpr std::string_view kFileSuffix = "_file";

std::string_view type_name(OptionType type) {
  switch (type) {
    case OptionType::string:
      return "string";
    case OptionType::integer:
      return "integer";
    case OptionType::boolean:
      return "boolean";
    case OptionType::string_list:
      return "list of strings";
  }
  return "string";
}

OptionType option_type_of(const Value& value) {
  constexpr OptionType kTypes[] = {OptionType::string, OptionType::integer, OptionType::boolean,
                                   OptionType::string_list};
  return kTypes[value.index()];
}

std::string an(std::string_view noun) { return fmt::format("{} {}", noun.starts_with('i') ? "an" : "a", noun); }

std::string range_text(const PluginOption& o) {
  if (o.min == std::numeric_limits<int64_t>::min()) return fmt::format("{} at most", o.max);
  if (o.max == std::numeric_limits<int64_t>::max()) return fmt::format("{} at least", o.min);
  return fmt::format("{} to {}", o.min, o.max);
}

std::optional<std::string> check_choice(const PluginOption& o, const std::string& text) {
  if (o.choices.empty() || std::find(o.choices.begin(), o.choices.end(), text) != o.choices.end()) return std::nullopt;
  return fmt::format("{} is \"{}\", which is none of: {}", o.name, harmless(clean_utf8(text, 60)),
                     fmt::join(o.choices, ", "));
}

std::optional<std::string> check_range(const PluginOption& o, int64_t measure, std::string_view what) {
  if (measure >= o.min && measure <= o.max) return std::nullopt;
  return fmt::format("{} {} {}; it should be {}", o.name, what, measure, range_text(o));
}

/// What is wrong with `value`, which has the option's type.
std::optional<std::string> check_value(const PluginOption& o, const Value& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return check_range(o, *number, "is");
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (text->find('\0') != std::string::npos) return fmt::format("{} holds a zero byte", o.name);
    if (auto wrong = check_choice(o, *text)) return wrong;
    return check_range(o, static_cast<int64_t>(text->size()), "has a length in bytes of");
  }
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& item : *list) {
      if (item.find('\0') != std::string::npos) return fmt::format("{} holds a zero byte", o.name);
      if (auto wrong = check_choice(o, item)) return wrong;
    }
    return check_range(o, static_cast<int64_t>(list->size()), "has a number of items of");
  }
  return std::nullopt;
}

Json to_json(const Value& value) {
  return std::visit([](const auto& v) { return Json(v); }, value);
}

bool takes_clear(const PluginOption& o) { return !o.secret; }
bool takes_file(const PluginOption& o) { return o.secret || o.in_file; }

/// How the option is written in the configuration.
std::string key_of(const PluginOption& o) {
  if (!takes_clear(o)) return o.name + std::string(kFileSuffix);
  return o.in_file ? fmt::format("{0} or {0}_file", o.name) : o.name;
}

class Check {
 public:
  Check(const PluginInfo& plugin, const std::map<std::string, OptionValue>& options)
      : plugin_(plugin), options_(options) {}

  void run(const Place& alert) {
    for (const auto& [key, value] : options_) take(key, value);
    for (const PluginOption& o : plugin_.options) {
      if (given(o)) continue;
      if (o.required) {
        wrong(alert, fmt::format("the plugin {} needs the option {} ({})", plugin_.name, key_of(o), o.help));
      } else if (o.default_value) {
        if (auto value = parse_default(o)) config_[o.name] = to_json(*value);
      }
    }
    std::stable_sort(mistakes_.begin(), mistakes_.end(), [](const Mistake& a, const Mistake& b) {
      return std::tie(a.place.file, a.place.line, a.place.column) <
             std::tie(b.place.file, b.place.line, b.place.column);
    });
  }

  Result<CheckedOptions, std::vector<Mistake>> result() {
    if (!mistakes_.empty()) return std::move(mistakes_);
    return CheckedOptions{json_line(config_), std::move(secret_files_)};
  }

 private:
  void wrong(const Place& place, std::string message) { mistakes_.push_back({place, std::move(message)}); }

  const PluginOption* find(std::string_view name) const {
    const auto found =
        std::find_if(plugin_.options.begin(), plugin_.options.end(), [&](const auto& o) { return o.name == name; });
    return found == plugin_.options.end() ? nullptr : &*found;
  }

  bool given(const PluginOption& o) const {
    return options_.count(o.name) != 0 || (takes_file(o) && options_.count(o.name + std::string(kFileSuffix)) != 0);
  }

  void take(const std::string& key, const OptionValue& given) {
    // An option's own name may end in _file, so the whole key is looked for first.
    if (const PluginOption* o = find(key)) return take_clear(*o, given);
    if (key.ends_with(kFileSuffix)) {
      const PluginOption* o = find(std::string_view(key).substr(0, key.size() - kFileSuffix.size()));
      if (o != nullptr && takes_file(*o)) return take_file(*o, key, given);
    }
    std::vector<std::string> known;
    for (const PluginOption& o : plugin_.options) {
      if (takes_clear(o)) known.push_back(o.name);
      if (takes_file(o)) known.push_back(o.name + std::string(kFileSuffix));
    }
    const std::string near = nearest(key, known);
    std::string hint = "it has no options";
    if (!near.empty()) {
      hint = fmt::format("did you mean {}?", near);
    } else if (!known.empty()) {
      hint = fmt::format("it knows {}", fmt::join(known, ", "));
    }
    wrong(given.place,
          fmt::format("the plugin {} has no option {}; {}", plugin_.name, harmless(clean_utf8(key, 60)), hint));
  }

  void take_clear(const PluginOption& o, const OptionValue& given) {
    if (!takes_clear(o)) {
      wrong(given.place,
            fmt::format("{0} is a secret, which must not stand in the configuration; give it as {0}_file, the "
                        "path of a file that holds it",
                        o.name));
    } else if (option_type_of(given.value) != o.type) {
      wrong(given.place, fmt::format("{} is {}; it should be {} ({})", o.name,
                                     an(type_name(option_type_of(given.value))), an(type_name(o.type)), o.help));
    } else if (auto text = check_value(o, given.value)) {
      wrong(given.place, std::move(*text));
    } else {
      config_[o.name] = to_json(given.value);
    }
  }

  void take_file(const PluginOption& o, const std::string& key, const OptionValue& given) {
    const auto* path = std::get_if<std::string>(&given.value);
    if (path == nullptr || path->empty() || path->find('\0') != std::string::npos) {
      wrong(given.place, fmt::format("{} should be a string: the path of a file that holds {}", key, o.name));
    } else if (takes_clear(o) && options_.count(o.name) != 0) {
      wrong(given.place, fmt::format("{} and {} are both given; leave one out", o.name, key));
    } else {
      secret_files_.emplace_back(o.name, *path);
    }
  }

  const PluginInfo& plugin_;
  const std::map<std::string, OptionValue>& options_;
  Json config_ = Json::object();
  std::vector<std::pair<std::string, std::string>> secret_files_;
  std::vector<Mistake> mistakes_;
};

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t bar = std::min(text.find('|'), text.size());
    parts.emplace_back(text.substr(0, bar));
    text.remove_prefix(std::min(bar + 1, text.size()));
  }
  return parts;
}

std::optional<Value> value_of(OptionType type, const std::string& text) {
  switch (type) {
    case OptionType::string:
      return Value{text};
    case OptionType::string_list:
      return Value{split(text)};
    case OptionType::boolean:
      if (text == "true" || text == "false") return Value{text == "true"};
      return std::nullopt;
    case OptionType::integer: {
      int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc{} && end == text.data() + text.size()) return Value{number};
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<Value> parse_default(const PluginOption& option) {
  const std::string text = option.default_value.value_or("");
  const std::optional<Value> value = value_of(option.type, text);
  if (!value)
    return Error{fmt::format("the default \"{}\" of {} is not {}", text, option.name, an(type_name(option.type)))};
  if (auto wrong = check_value(option, *value)) return Error{"the default: " + *wrong};
  return *value;
}

Result<CheckedOptions, std::vector<Mistake>> check_options(const PluginInfo& plugin,
                                                           const std::map<std::string, OptionValue>& options,
                                                           const Place& alert) {
  Check check(plugin, options);
  check.run(alert);
  return check.result();
}

std::string describe_plugin_table(const PluginInfo& plugin) {
  std::string lines = fmt::format("{} {} (plugin interface 1.{}, alerts up to codedriftd.alert.v{})\n", plugin.name,
                                  harmless(plugin.version), plugin.abi_minor, plugin.alert_schema);
  if (plugin.per_minute != 0)
    lines += fmt::format("  the receiver takes {} alerts a minute, {} at once\n", plugin.per_minute, plugin.burst);
  return lines + describe_options(plugin);
}

std::string describe_options(const PluginInfo& plugin) {
  std::string lines;
  for (const PluginOption& o : plugin.options) {
    std::string notes = o.required ? "required" : "";
    const auto note = [&](std::string text) { notes += (notes.empty() ? "" : ", ") + std::move(text); };
    if (o.secret) note("a file that holds the secret");
    if (o.default_value) note(fmt::format("default {}", *o.default_value));
    if (!o.choices.empty()) note(fmt::format("one of {}", fmt::join(o.choices, " ")));
    if (o.min != std::numeric_limits<int64_t>::min() || o.max != std::numeric_limits<int64_t>::max())
      note(range_text(o) + (o.type == OptionType::string        ? " bytes"
                            : o.type == OptionType::string_list ? " items"
                                                                : ""));
    lines += harmless(fmt::format("  {:<24} {:<15} {}{}", key_of(o), type_name(o.type), o.help,
                                  notes.empty() ? "" : " [" + notes + "]"));
    lines += '\n';
  }
  return lines;
}

}  // namespace codedriftd
