#include "store/record/values.h"

#include "model/value.h"

namespace codedriftd::values {
namespace {
constexpr std::size_t kLongestValue = 64 << 10;
}

void keep(Database& db, const Sha256& hash, std::string_view text) {
  if (text.empty() || text.size() > kLongestValue || sha256(text) != hash) return;
  db.run("INSERT INTO value_text (sha256, text) VALUES (?, ?) ON CONFLICT DO NOTHING", hash, text);
}

std::string text_of(Database& db, const Sha256& hash) {
  auto q = db.query("SELECT text FROM value_text WHERE sha256 = ?", hash);
  if (!q.step() || sha256(q.text(0)) != hash) return {};
  return q.string(0);
}

std::string text_of(Database& db, const Target& target, const std::optional<Sha256>& hash) {
  const TargetKind kind = kind_of_qualifier(target.qualifier);
  if (!hash || kind == TargetKind::code) return {};
  return kind == TargetKind::image ? text_of_image(*hash) : text_of(db, *hash);
}

}  // namespace codedriftd::values
