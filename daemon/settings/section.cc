#include "settings/section.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/text.h"

namespace codedriftd {

Place place_of(const toml::source_region& source, const std::string& file) {
  return {file, static_cast<unsigned>(source.begin.line), static_cast<unsigned>(source.begin.column)};
}
Place place_of(const toml::node& node, const std::string& file) { return place_of(node.source(), file); }

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

Section::Section(const toml::table& table, const KnownSection& known, const std::string& file, Mistakes& mistakes)
    : table_(table), file_(file), mistakes_(mistakes) {
  for (const auto& [key, value] : table_) {
    if (std::find(known.keys.begin(), known.keys.end(), key.str()) == known.keys.end()) {
      mistake(place_of(key.source(), file_), unknown_key(known, key.str()));
    }
  }
}

Place Section::place() const { return place_of(table_, file_); }

Place Section::place(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return node == nullptr ? place() : place_of(*node, file_);
}

void Section::wrong_type(const toml::node& node, std::string_view key, std::string_view wanted) const {
  mistake(place_of(node, file_), fmt::format("'{}' is {}; it must be {}", key, type_name(node), wanted));
}

std::optional<std::string> Section::checked(const toml::node& node, std::string_view key, const TextRule& rule) const {
  const toml::value<std::string>* value = node.as_string();
  if (value == nullptr) {
    wrong_type(node, key, rule.wanted);
    return std::nullopt;
  }
  if (const Problem problem = rule.problem(value->get())) {
    const bool hide = rule.shown == TextRule::Shown::never || (rule.shown == TextRule::Shown::without_user_and_query &&
                                                               value->get().find_first_of("@?") != std::string::npos);
    const std::string shown = hide ? "not right" : in_quotes(value->get());
    mistake(place_of(node, file_), fmt::format("'{}' is {}: {}", key, shown, *problem));
    return std::nullopt;
  }
  return value->get();
}

std::optional<std::string> Section::text(std::string_view key, const TextRule& rule) const {
  const toml::node* node = table_.get(key);
  return node == nullptr ? std::nullopt : checked(*node, key, rule);
}

std::optional<std::vector<PlacedText>> Section::texts(std::string_view key, const TextRule& rule,
                                                      std::string_view empty_means) const {
  const toml::node* node = table_.get(key);
  if (node == nullptr) return std::nullopt;
  const toml::array* list = node->as_array();
  if (list == nullptr) {
    wrong_type(*node, key, fmt::format("a list, each element {}", rule.wanted));
    return std::nullopt;
  }
  if (list->empty() && !empty_means.empty()) {
    mistake(place_of(*node, file_), fmt::format("'{}' is empty: {}", key, empty_means));
    return std::nullopt;
  }
  std::vector<PlacedText> texts;
  texts.reserve(list->size());
  for (const toml::node& element : *list) {
    if (std::optional<std::string> text = checked(element, key, rule)) {
      texts.push_back({std::move(*text), place_of(element, file_)});
    }
  }
  return texts;
}

std::optional<Millis> Section::duration(std::string_view key, Millis least, Millis most) const {
  const toml::node* node = table_.get(key);
  if (node == nullptr) return std::nullopt;
  const toml::value<std::string>* value = node->as_string();
  if (value == nullptr) {
    wrong_type(*node, key, "a duration in quotes, such as \"5m\"");
    return std::nullopt;
  }
  const std::optional<Millis> duration = parse_duration(value->get());
  if (duration && *duration >= least && *duration <= most) return duration;
  const std::string right = duration
                                ? fmt::format("it must be from {} to {}", format_duration(least), format_duration(most))
                                : "it must be whole numbers and units of ms, s, m, h, d, w, such as \"5m\"";
  mistake(place_of(*node, file_), fmt::format("'{}' is {}: {}", key, in_quotes(value->get()), right));
  return std::nullopt;
}

std::optional<uint64_t> Section::byte_size(std::string_view key, uint64_t least, uint64_t most) const {
  const toml::node* node = table_.get(key);
  if (node == nullptr) return std::nullopt;
  const toml::value<std::string>* value = node->as_string();
  if (value == nullptr) {
    wrong_type(*node, key, "a size in quotes, such as \"100MiB\"");
    return std::nullopt;
  }
  const std::optional<uint64_t> size = parse_byte_size(value->get());
  if (size && *size >= least && *size <= most) return size;
  const std::string right =
      size ? fmt::format("it must be from {} to {}", format_byte_size(least), format_byte_size(most))
           : "it must be a whole number and one of B, KiB, MiB, GiB, TiB, such as \"100MiB\"";
  mistake(place_of(*node, file_), fmt::format("'{}' is {}: {}", key, in_quotes(value->get()), right));
  return std::nullopt;
}

std::optional<uint64_t> Section::whole_number(std::string_view key, uint64_t least, uint64_t most) const {
  const toml::node* node = table_.get(key);
  if (node == nullptr) return std::nullopt;
  const toml::value<int64_t>* value = node->as_integer();
  if (value == nullptr) {
    wrong_type(*node, key, "a whole number without quotes, such as 20000");
    return std::nullopt;
  }
  const int64_t number = value->get();
  if (std::cmp_greater_equal(number, least) && std::cmp_less_equal(number, most)) return static_cast<uint64_t>(number);
  mistake(place_of(*node, file_), fmt::format("'{}' is {}: it must be from {} to {}", key, number, least, most));
  return std::nullopt;
}

std::optional<double> Section::number(std::string_view key, double least) const {
  const toml::node* node = table_.get(key);
  if (node == nullptr) return std::nullopt;
  const std::optional<double> number = node->is_number() ? node->value<double>() : std::nullopt;
  if (!number) {
    wrong_type(*node, key, "a number without quotes, such as 15 or 0.5");
    return std::nullopt;
  }
  if (std::isfinite(*number) && *number >= least) return number;
  const std::string right =
      *number < least ? fmt::format("it must be at least {}", least) : "it must be a finite number";
  mistake(place_of(*node, file_), fmt::format("'{}' is {}: {}", key, *number, right));
  return std::nullopt;
}

std::optional<bool> Section::boolean(std::string_view key) const {
  const toml::node* node = table_.get(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_boolean()) {
    wrong_type(*node, key, "true or false, without quotes");
    return std::nullopt;
  }
  return node->value<bool>();
}

std::optional<std::size_t> Section::choice(std::string_view key, std::span<const std::string_view> names) const {
  const toml::node* node = table_.get(key);
  if (node == nullptr) return std::nullopt;
  const toml::value<std::string>* value = node->as_string();
  if (value == nullptr) {
    wrong_type(*node, key, fmt::format("one of \"{}\"", fmt::join(names, "\", \"")));
    return std::nullopt;
  }
  const auto found = std::find(names.begin(), names.end(), value->get());
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::string near = nearest(value->get(), names);
  const std::string hint = near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near);
  mistake(place_of(*node, file_), fmt::format("'{}' is {}: it must be one of \"{}\"{}", key, in_quotes(value->get()),
                                              fmt::join(names, "\", \""), hint));
  return std::nullopt;
}

const toml::table* Section::subtable(std::string_view key, std::string_view written_as) const {
  const toml::node* node = table_.get(key);
  if (node == nullptr) return nullptr;
  if (const toml::table* table = node->as_table()) return table;
  wrong_type(*node, key, fmt::format("a table, written {}", written_as));
  return nullptr;
}

}  // namespace codedriftd
