#include "commands/plan/file.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "model/changes.h"
#include "model/target.h"
#include "model/verdict.h"

namespace codedriftd {
namespace {

constexpr std::string_view kSchema = "codedriftd.plan.v1";
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
  if (const auto target = Target::parse(address); !target)
    throw std::runtime_error(
        fmt::format("'target' is \"{}\": {}", harmless(clean_utf8(address, 100)), target.error().message));
  const auto status = parse_status(text("status"));
  if (!status) throw std::runtime_error("'status' is none that there is");
  if (*status != Status::drifted && *status != Status::unreviewed) return std::nullopt;
  const auto observed = hash("observed_sha256");
  if (!observed) throw std::runtime_error("'observed_sha256' is null, and yet something is to be accepted");
  PlannedRow planned;
  if (const auto changes = row.find("changes"); changes != row.end() && !changes->is_null())
    planned.changes = change_lines(*changes);
  planned.status = to_string(*status);
  planned.item = {address, *observed, true, hash("accepted_sha256")};
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
