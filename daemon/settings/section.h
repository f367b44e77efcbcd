#pragma once
/// For the .cc files of settings/ only: shows toml++.
#include <toml++/toml.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "settings/keys.h"
#include "settings/mistakes.h"
#include "settings/rules.h"

namespace codedriftd {

Place place_of(const toml::source_region& source, const std::string& file);
Place place_of(const toml::node& node, const std::string& file);

/// "a string", "an integer", …: what a mistake calls the type of a value.
std::string_view type_name(const toml::node& node);

struct PlacedText {
  std::string text;
  Place place;
};

/// One table of a file, read key by key. What is not as it should be is added to the mistakes, and the value is then
/// nullopt, as if the key were not there; `has` tells the two apart.
class Section {
 public:
  /// All four live longer than the section. Unknown keys are told at once.
  Section(const toml::table& table, const KnownSection& known, const std::string& file, Mistakes& mistakes);

  bool has(std::string_view key) const { return table_.contains(key); }
  const toml::table& table() const { return table_; }
  const std::string& file() const { return file_; }
  /// Of the table itself.
  Place place() const;
  /// Of the value under `key`, or of the table if there is none.
  Place place(std::string_view key) const;
  void mistake(const Place& place, std::string message) const { mistakes_.add(place, std::move(message)); }
  Mistakes& mistakes() const { return mistakes_; }

  std::optional<std::string> text(std::string_view key, const TextRule& rule) const;
  /// A list of texts, never empty; each element that breaks the rule is a mistake of its own and left out. An empty
  /// list is a mistake that says `empty_means`, unless that is empty.
  std::optional<std::vector<PlacedText>> texts(std::string_view key, const TextRule& rule,
                                               std::string_view empty_means) const;
  std::optional<Millis> duration(std::string_view key, Millis least, Millis most) const;
  /// A size in bytes (base/byte_size.h), from `least` to `most`.
  std::optional<uint64_t> byte_size(std::string_view key, uint64_t least, uint64_t most) const;
  /// A whole number from `least` to `most`.
  std::optional<uint64_t> whole_number(std::string_view key, uint64_t least, uint64_t most) const;
  /// A finite number.
  std::optional<double> number(std::string_view key, double least) const;
  std::optional<bool> boolean(std::string_view key) const;
  /// The index of the value among `names`.
  std::optional<std::size_t> choice(std::string_view key, std::span<const std::string_view> names) const;
  const toml::table* subtable(std::string_view key, std::string_view written_as) const;

 private:
  std::optional<std::string> checked(const toml::node& node, std::string_view key, const TextRule& rule) const;
  void wrong_type(const toml::node& node, std::string_view key, std::string_view wanted) const;

  const toml::table& table_;
  const std::string& file_;
  Mistakes& mistakes_;
};

}  // namespace codedriftd
