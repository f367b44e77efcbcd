#include "commands/plan/file.h"

#include <fmt/format.h>

#include "audit/format/values.h"
#include "base/json.h"
#include "base/text.h"
#include "model/changes.h"
#include "model/target.h"
#include "model/value.h"
#include "model/verdict.h"

namespace codedriftd {
namespace {

constexpr std::string_view kSchema = "codedriftd.plan.v1";
constexpr std::size_t kWholeHash = 64;
constexpr std::size_t kMostFiles = 20;  ///< of a row that are named: changes_json()

/// What the member 'changes' of a row says; see PlannedRow.
std::vector<std::string> change_lines(const Json& json) {
  const auto wrong = [] { return std::runtime_error("'changes' is not what a plan writes"); };
  Changes changes;
  std::vector<std::string> files;
  try {
    json.at("added").get_to(changes.added);
    json.at("removed").get_to(changes.removed);
    json.at("changed").get_to(changes.changed);
    json.at("modes").get_to(changes.modes);
    for (const Json& file : json.at("files")) {
      const auto name = file.at("name").get<std::string>(), change = file.at("change").get<std::string>();
      files.push_back(fmt::format("{:<7}  {}", harmless(clean_utf8(change, 20)), shown_name(name)));
      changes.files.push_back({name});
    }
  } catch (const Json::exception&) {
    throw wrong();
  }
  const std::size_t all = changes.added + changes.removed + changes.changed + changes.modes;
  if (files.size() > kMostFiles || files.size() > all || files.empty() != (all == 0)) throw wrong();
  std::vector<std::string> lines{changes_sentence(changes, 0)};
  for (std::string& file : files) lines.push_back("  " + std::move(file));
  if (all > files.size()) lines.push_back(fmt::format("  … and {} more", all - files.size()));
  return lines;
}

/// The text of what a hash of layers or an alias stands for; empty: the plan does not tell. Another text than the
/// hash's is no plan's: what is accepted is the hash.
std::string value_of_hash(const Json& row, const char* member, const std::optional<Sha256>& hash) {
  const auto found = row.find(member);
  if (found == row.end() || found->is_null()) return {};
  if (!found->is_string() || !hash || sha256(found->get_ref<const std::string&>()) != *hash)
    throw std::runtime_error(fmt::format("'{}' is not what its hash stands for", member));
  return found->get<std::string>();
}

/// One row; what is wrong with it is thrown as std::runtime_error without its place.
std::optional<PlannedRow> read_row(const Json& row) {
  if (!row.is_object()) throw std::runtime_error("is not an object");
  const auto member = [&](const char* name) -> const Json& {
    const auto found = row.find(name);
    if (found == row.end()) throw std::runtime_error(fmt::format("has no '{}'", name));
    return *found;
  };
  const auto text = [&](const char* name) {
    const Json& value = member(name);
    if (!value.is_string()) throw std::runtime_error(fmt::format("'{}' is not a text", name));
    return value.get<std::string>();
  };
  const auto hash = [&](const char* name) -> std::optional<Sha256> {
    if (member(name).is_null()) return std::nullopt;
    const auto digest = Sha256::from_hex(text(name));
    if (!digest) throw std::runtime_error(fmt::format("'{}' is not a hash of 64 hex digits", name));
    return digest;
  };
  const std::string address = text("target");
  const auto target = Target::parse(address);
  if (!target)
    throw std::runtime_error(
        fmt::format("'target' is \"{}\": {}", harmless(clean_utf8(address, 100)), target.error().message));
  const auto status = parse_status(text("status"));
  if (!status) throw std::runtime_error("'status' is none that there is");
  const bool open = *status == Status::drifted || *status == Status::unreviewed;
  PlannedRow planned;
  planned.of_value = has_text(kind_of_qualifier(target->qualifier));
  if (!open && !planned.of_value) return std::nullopt;
  const auto observed = hash("observed_sha256"), accepted = hash("accepted_sha256");
  NamedValues values;
  if (planned.of_value)
    values = value_lines(*target, observed, accepted, value_of_hash(row, "observed_value", observed),
                         value_of_hash(row, "accepted_value", accepted));
  if (!open) return std::nullopt;
  if (!observed) throw std::runtime_error("'observed_sha256' is null, and yet something is to be accepted");
  if (planned.of_value) {
    for (const auto& [name, value] : values) planned.changes.push_back(value_line(name, value, kWholeHash));
  } else if (const auto changes = row.find("changes"); changes != row.end() && !changes->is_null()) {
    planned.changes = change_lines(*changes);
  }
  planned.status = to_string(*status);
  planned.item = {address, *observed, true, accepted};
  return planned;
}

}  // namespace

Result<std::vector<PlannedRow>> read_plan(const std::string& name, const std::string& text) {
  const std::string file = harmless(clean_utf8(name, 300));
  const Json plan = parse_json(text);
  const auto schema = plan.is_object() ? plan.find("schema") : plan.end();
  if (!plan.is_object() || schema == plan.end() || *schema != kSchema)
    return Error{fmt::format("{}: is not a plan; save one with codedriftd plan --out FILE (its \"schema\" is {})", file,
                             kSchema)};
  const auto rows = plan.find("rows");
  if (rows == plan.end() || !rows->is_array()) return Error{fmt::format("{}: the plan has no list of \"rows\"", file)};
  std::vector<PlannedRow> planned;
  std::size_t number = 0;
  for (const Json& row : *rows) {
    ++number;
    try {
      if (auto one = read_row(row)) planned.push_back(std::move(*one));
    } catch (const std::exception& error) {
      return Error{fmt::format("{}: row {} of \"rows\" {}; make the plan anew", file, number, error.what())};
    }
  }
  return planned;
}

}  // namespace codedriftd
