#include "store/ledger/inside.h"

#include "base/json.h"
#include "model/changes.h"
#include "store/packages/packages.h"

namespace codedriftd {

std::optional<ContentDigest> digest_on_record(Database& db, const std::optional<Sha256>& code,
                                              const std::vector<std::string>& ignore) {
  const auto row = code ? packages::find(db, *code) : std::nullopt;
  if (!row || row->state != PackageState::examined) return std::nullopt;
  return ignore.empty() ? row->content : content_of(packages::manifest(db, *code), ignore);
}

std::optional<KnownContent> content_on_record(Database& db, const std::optional<Sha256>& code,
                                              const std::vector<std::string>& ignore) {
  const auto row = code ? packages::find(db, *code) : std::nullopt;
  if (!row || row->state != PackageState::examined) return std::nullopt;
  return known_content(packages::manifest(db, *code), row->findings, ignore);
}

Inside inside_of(Database& db, const Sha256& code, const TargetState& state) {
  const auto row = packages::find(db, code);
  if (!row) return {};
  Inside inside{row->state, std::nullopt, row->why, {}, {}};
  if (row->state != PackageState::examined) return inside;
  const Manifest files = packages::manifest(db, code);
  inside.content = known_content(files, row->findings, state.ignore);
  if (!state.accepted || *state.accepted == code) return inside;
  const auto accepted = packages::find(db, *state.accepted);
  if (!accepted || accepted->state != PackageState::examined) return inside;
  const Changes changes = compare(packages::manifest(db, *state.accepted), files);
  inside.changes = changes_json(changes);
  inside.changes_words = changes_sentence(changes);
  return inside;
}

}  // namespace codedriftd
