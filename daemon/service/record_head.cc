#include "service/record_head.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <system_error>

#include "base/json.h"
#include "base/unique_fd.h"

namespace codedriftd::record_head {
namespace {

constexpr std::streamsize kLongest = 4'096;

[[noreturn]] void fail(const std::string& path) { throw std::system_error(errno, std::generic_category(), path); }

}  // namespace

std::optional<RecordHead> read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kLongest, '\0');
  file.read(text.data(), kLongest);
  text.resize(static_cast<std::size_t>(file.gcount()));
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto seq = json.find("seq");
  const auto time = parse_rfc3339(text_at(json, "time"));
  if (seq == json.end() || !seq->is_number_integer() || !time || text_at(json, "id").empty()) return std::nullopt;
  return RecordHead{text_at(json, "log"), seq->get<int64_t>(), text_at(json, "id"), *time};
}

void write(const std::string& path, const RecordHead& head) {
  const std::string part = path + ".part";
  const std::string line =
      json_line(Json{{"log", head.origin}, {"seq", head.seq}, {"id", head.id}, {"time", rfc3339(head.time)}}) + "\n";
  {
    const UniqueFd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) fail(part);
    // So short that it is written whole or not at all.
    if (::write(fd.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) fail(part);
    if (::fdatasync(fd.get()) != 0) fail(part);
  }
  if (::rename(part.c_str(), path.c_str()) != 0) fail(path);
}

std::optional<RecordHead> of(Database& db, const std::string& origin) {
  enum Column : int { kSeq, kId, kTime };
  auto q = db.query("SELECT seq, id, time_ms FROM event ORDER BY seq DESC LIMIT 1");
  if (!q.step()) return std::nullopt;
  return RecordHead{origin, q.integer(kSeq), q.string(kId), q.time(kTime)};
}

std::optional<NewEvent> restored(Database& db, const RecordHead& known) {
  {
    auto q = db.query("SELECT id FROM event WHERE seq = ?", known.seq);
    if (q.step() && q.text(0) == known.id) return std::nullopt;
  }
  const auto now = of(db, known.origin);
  NewEvent event;
  event.kind = "record.restored";
  event.severity = Severity::warning;
  event.data = Json{{"reason", !now                   ? "begun_anew"
                               : now->seq < known.seq ? "older_copy"
                                                      : "another_record"},
                    {"last_seq", known.seq},
                    {"last_id", known.id},
                    {"last_event_at", rfc3339(known.time)},
                    {"kept_seq", now ? Json(now->seq) : Json()}};
  event.facts.summary =
      now ? fmt::format(
                "The record is not the one that was here: it ends with event {} of {}, and the one before it had event "
                "{} of {}. What was recorded after they part is not in it, and its numbers are given again.",
                now->seq, rfc3339(now->time), known.seq, rfc3339(known.time))
          : fmt::format(
                "The record was begun anew: the one before it had events up to {} of {}, and what was accepted in it "
                "is not known any more.",
                known.seq, rfc3339(known.time));
  event.facts.reason = (*event.data)["reason"].get<std::string>();
  return event;
}

}  // namespace codedriftd::record_head
