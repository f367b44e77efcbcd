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

namespace {

constexpr std::string_view kRolledBackKind = "store.rolled_back";

/// An operator has gone on with this record though `known` is lost, on whichever host.
bool adoption_told(Database& db, const RecordHead& known) {
  auto rows = db.query("SELECT body FROM event WHERE kind = ? AND time_ms >= ?", kRolledBackKind, known.time);
  while (rows.step()) {
    const Json body = Json::parse(rows.text(0), nullptr, false);
    const Json data = body.is_object() ? body.value("data", Json()) : Json();
    const auto number = [&](const char* name) {
      const auto member = data.is_object() ? data.find(name) : data.end();
      return member != data.end() && member->is_number_integer() ? member->get<int64_t>() : int64_t{-1};
    };
    if (number("from_seq") >= 0 && number("from_seq") <= known.seq && known.seq <= number("to_seq")) return true;
  }
  return false;
}

}  // namespace

std::optional<NewEvent> rolled_back(Database& db, const RecordHead& known) {
  if (!restored(db, known) || adoption_told(db, known)) return std::nullopt;
  std::optional<int64_t> kept;
  {
    auto q = db.query("SELECT seq FROM event WHERE seq < ? AND time_ms <= ? ORDER BY seq DESC LIMIT 1", known.seq,
                      known.time);
    if (q.step()) kept = q.integer(0);
  }
  const int64_t from = kept ? *kept + 1 : 0;
  NewEvent event;
  event.kind = kRolledBackKind;
  event.severity = Severity::warning;
  event.data = Json{{"from_seq", from},
                    {"to_seq", known.seq},
                    {"last_id", known.id},
                    {"last_event_at", rfc3339(known.time)},
                    {"kept_seq", kept ? Json(*kept) : Json()}};
  event.facts.summary = fmt::format(
      "The record's server was rolled back: {}, of {}, {} on record any more, though the server had acknowledged {}. "
      "{} given again.",
      from == known.seq ? fmt::format("event {}", from) : fmt::format("events {} to {}, the last", from, known.seq),
      rfc3339(known.time), from == known.seq ? "is not" : "are not", from == known.seq ? "it" : "them",
      from == known.seq ? "Its number is" : "Their numbers are");
  return event;
}

}  // namespace codedriftd::record_head
