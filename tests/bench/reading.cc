#include "bench/reading.h"

#include <fmt/format.h>

#include <stdexcept>

#include "audit/format/render.h"

namespace codedriftd::test {

double report_ms(const OpenRecord& open, const Report& report, WallTime now, const Selection& selection, int times) {
  return median_ms(times, [&] {
    Database db = open();
    db.begin_read();
    std::string text;
    const auto renderer = make_renderer(Format::table, report, now, false, text);
    renderer->end(report.run(db, selection, now, [&](const Row& row) { renderer->row(row); }));
    db.commit();
    if (text.empty()) throw std::runtime_error("the report is empty");
  });
}

std::string ms(double value) { return fmt::format("{:.1f} ms", value); }
std::string mb(int64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

}  // namespace codedriftd::test
