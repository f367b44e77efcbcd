#include "audit/format/fit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "audit/format/width.h"

namespace codedriftd {
namespace {

constexpr std::size_t kBetween = 2;

/// What the addresses of a column share: whole parts from the front, and the qualifier.
struct Shared {
  std::string front, back;
};

Shared shared_by(const std::vector<const std::string*>& addresses) {
  const std::string& first = *addresses.front();
  std::size_t front = first.rfind('/') + 1;
  const std::size_t colon = first.rfind(':');
  std::string back = colon == std::string::npos ? "" : first.substr(colon);
  for (const std::string* address : addresses) {
    while (front > 0 && address->compare(0, front, first, 0, front) != 0)
      front = front < 2 ? 0 : first.rfind('/', front - 2) + 1;
    if (!address->ends_with(back)) back.clear();
  }
  return {first.substr(0, front), back};
}

class Fitting {
 public:
  Fitting(const std::vector<FitColumn>& columns, const std::vector<std::vector<std::string>*>& rows, std::size_t width,
          std::size_t before)
      : columns_(columns), rows_(rows), width_(width), before_(before) {}

  FittedTable fit() && {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].addresses) say_once(i);
      table_.shown.push_back(
          std::any_of(rows_.begin(), rows_.end(), [&](const auto* row) { return (*row)[i] != "-"; }));
      std::size_t widest = columns_[i].heading.size();
      for (const auto* row : rows_) widest = std::max(widest, display_width((*row)[i]));
      table_.widths.push_back(widest);
    }
    const std::vector<std::size_t> natural = table_.widths;
    std::vector<std::string> gone;
    while (!narrow_enough() && !cut()) {
      const auto most = most_spare();
      if (!most) break;
      table_.shown[*most] = false;
      gone.push_back(columns_[*most].heading);
      table_.widths = natural;
    }
    for (auto* row : rows_) {
      for (std::size_t i = 0; i < columns_.size(); ++i) (*row)[i] = shortened((*row)[i], table_.widths[i]);
    }
    if (!gone.empty())
      table_.above.push_back(fmt::format("Not shown here: {}; --wide shows all.", fmt::join(gone, ", ")));
    return std::move(table_);
  }

 private:
  void say_once(std::size_t column) {
    std::vector<const std::string*> addresses;
    for (const auto* row : rows_) {
      if ((*row)[column].find('/') != std::string::npos) addresses.push_back(&(*row)[column]);
    }
    if (addresses.empty()) return;
    const Shared shared = shared_by(addresses);
    if (shared.front.empty() && shared.back.empty()) return;
    table_.above.push_back(fmt::format("{}*{}", shared.front, shared.back));
    for (auto* row : rows_) {
      std::string& cell = (*row)[column];
      if (cell.find('/') == std::string::npos) continue;
      cell.resize(cell.size() - shared.back.size());
      cell.erase(0, shared.front.size());
    }
  }

  std::size_t total() const {
    std::size_t sum = before_;
    for (std::size_t i = 0; i < columns_.size(); ++i) sum += table_.shown[i] ? table_.widths[i] + kBetween : 0;
    return sum < kBetween ? 0 : sum - kBetween;
  }
  bool narrow_enough() const { return total() <= width_; }

  /// Takes from the widest column that may be cut, until all fits. False: it cannot.
  bool cut() {
    while (!narrow_enough()) {
      std::optional<std::size_t> widest;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        const std::size_t least = std::max(columns_[i].least, columns_[i].heading.size());
        if (!table_.shown[i] || columns_[i].least == 0 || table_.widths[i] <= least) continue;
        if (!widest || table_.widths[i] > table_.widths[*widest]) widest = i;
      }
      if (!widest) return false;
      --table_.widths[*widest];
    }
    return true;
  }

  std::optional<std::size_t> most_spare() const {
    std::optional<std::size_t> most;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!table_.shown[i] || columns_[i].spare == 0) continue;
      if (!most || columns_[i].spare > columns_[*most].spare) most = i;
    }
    return most;
  }

  const std::vector<FitColumn>& columns_;
  const std::vector<std::vector<std::string>*>& rows_;
  const std::size_t width_, before_;
  FittedTable table_;
};

}  // namespace

FittedTable fit_table(const std::vector<FitColumn>& columns, const std::vector<std::vector<std::string>*>& rows,
                      std::size_t width, std::size_t before) {
  return Fitting(columns, rows, width, before).fit();
}

std::string short_time(WallTime time, WallTime now) {
  const Millis away = std::chrono::abs(now - time);
  const auto days = away / std::chrono::hours(24), hours = away / std::chrono::hours(1);
  const auto minutes = away / std::chrono::minutes(1), seconds = away / std::chrono::seconds(1);
  if (seconds == 0) return "now";
  const std::string age = days >= 2      ? fmt::format("{}d", days)
                          : hours >= 2   ? fmt::format("{}h", hours)
                          : minutes >= 2 ? fmt::format("{}m", minutes)
                                         : fmt::format("{}s", seconds);
  return time < now ? age + " ago" : "in " + age;
}

FitColumn fit_column(std::string_view field, std::string_view heading, unsigned spare) {
  FitColumn column{std::string(heading), 0, field == "target", spare};
  if (field == "target" || field == "data" || field == "last_error") {
    column.least = 18;
  } else if (field == "kind" || field == "actor" || field == "reason" || field == "code" || field == "alert") {
    column.least = 8;
  }
  return column;
}

}  // namespace codedriftd
