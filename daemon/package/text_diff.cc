#include "package/text_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/text.h"

namespace codedriftd {
namespace {

using Index = std::ptrdiff_t;
using Tokens = std::vector<uint32_t>;

/// Each line with its '\n'; the last may have none. So "a" and "a\n" are different lines, as they are to diff.
std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  if (lines.size() > static_cast<std::size_t>(std::numeric_limits<int32_t>::max()))
    throw std::length_error("a text of more than 2^31 lines cannot be compared");
  return lines;
}

/// What is taken away and put at one place: lines [a_begin, a_end) of the one text became [b_begin, b_end) of the
/// other.
struct Edit {
  Index a_begin, a_end, b_begin, b_end;

  bool only_removes() const { return b_begin == b_end; }
  bool only_adds() const { return a_begin == a_end; }
};

/// Myers' O(ND) comparison in linear space: the middle of a shortest path is found from both ends at once, then each
/// half is compared for itself.
class LineComparison {
 public:
  LineComparison(const Tokens& a, const Tokens& b, uint64_t effort)
      : a_(a), b_(b), removed_(a.size()), added_(b.size()), effort_(effort) {
    compare(0, static_cast<Index>(a.size()), 0, static_cast<Index>(b.size()));
  }

  uint64_t effort_left() const { return effort_; }

  std::vector<Edit> edits() const {
    std::vector<Edit> edits;
    Index i = 0, j = 0;
    const auto a_size = static_cast<Index>(a_.size()), b_size = static_cast<Index>(b_.size());
    while (i < a_size || j < b_size) {
      const Index a_begin = i, b_begin = j;
      while (i < a_size && removed_[at(i)]) ++i;
      while (j < b_size && added_[at(j)]) ++j;
      if (i > a_begin || j > b_begin) {
        edits.push_back({a_begin, i, b_begin, j});
      } else {
        ++i;
        ++j;
      }
    }
    return edits;
  }

 private:
  struct Range {
    Index a_begin, a_end, b_begin, b_end;
  };
  struct Point {
    Index a, b;
  };

  static std::size_t at(Index index) { return static_cast<std::size_t>(index); }

  void compare(Index a_begin, Index a_end, Index b_begin, Index b_end) {
    // A stack of its own: the halves of hostile texts may be as uneven as there are lines.
    std::vector<Range> waiting{{a_begin, a_end, b_begin, b_end}};
    while (!waiting.empty()) {
      Range range = waiting.back();
      waiting.pop_back();
      while (range.a_begin < range.a_end && range.b_begin < range.b_end &&
             a_[at(range.a_begin)] == b_[at(range.b_begin)]) {
        ++range.a_begin;
        ++range.b_begin;
      }
      while (range.a_begin < range.a_end && range.b_begin < range.b_end &&
             a_[at(range.a_end - 1)] == b_[at(range.b_end - 1)]) {
        --range.a_end;
        --range.b_end;
      }
      Point middle{};
      if (range.a_begin == range.a_end || range.b_begin == range.b_end || !find_middle(range, middle)) {
        std::fill(removed_.begin() + range.a_begin, removed_.begin() + range.a_end, true);
        std::fill(added_.begin() + range.b_begin, added_.begin() + range.b_end, true);
        continue;
      }
      waiting.push_back({middle.a, range.a_end, middle.b, range.b_end});
      waiting.push_back({range.a_begin, middle.a, range.b_begin, middle.b});
    }
  }

  /// A point that a shortest path through `range` passes, and that is neither of its corners. False: the effort is
  /// spent, or nothing is common. REQUIRES: both sides have lines, and neither their first nor their last are equal.
  bool find_middle(const Range& range, Point& middle) {
    const Index n = range.a_end - range.a_begin, m = range.b_end - range.b_begin;
    const Index delta = n - m;
    const bool odd = (delta & 1) != 0;
    const Index most = (n + m + 1) / 2;
    zero_ = most + 1;
    forward_.begin(most);
    backward_.begin(most);
    // Diagonal k of the forward search is where a - b = k; that of the backward one is counted from the other corner,
    // so that its diagonal delta - k is the same one. They meet on a diagonal where together they came to n or further.
    for (Index d = 0; d < most; ++d) {
      forward_.widen(zero_, d);
      for (Index k = -d + forward_.skip_low; k <= d - forward_.skip_high; k += 2) {
        const Index x = advance(forward_, d, k, n, m, [&](Index a, Index b) {
          return a_[at(range.a_begin + a)] == b_[at(range.b_begin + b)];
        });
        if (x < 0) return false;
        const Index other = delta - k;
        if (x > n || x - k > m || !odd || other <= -d || other >= d) continue;
        const Index theirs = backward_.furthest[at(zero_ + other)];
        if (theirs >= 0 && x + theirs >= n) return inner({range.a_begin + x, range.b_begin + x - k}, range, middle);
      }
      backward_.widen(zero_, d);
      for (Index k = -d + backward_.skip_low; k <= d - backward_.skip_high; k += 2) {
        const Index x = advance(backward_, d, k, n, m, [&](Index a, Index b) {
          return a_[at(range.a_end - 1 - a)] == b_[at(range.b_end - 1 - b)];
        });
        if (x < 0) return false;
        const Index other = delta - k;
        if (x > n || x - k > m || odd || other < -d || other > d) continue;
        const Index theirs = forward_.furthest[at(zero_ + other)];
        if (theirs >= 0 && x + theirs >= n) return inner({range.a_end - x, range.b_end - (x - k)}, range, middle);
      }
    }
    return false;
  }

  static bool inner(Point point, const Range& range, Point& middle) {
    middle = point;
    return !(point.a == range.a_begin && point.b == range.b_begin) &&
           !(point.a == range.a_end && point.b == range.b_end);
  }

  /// One of the two searches.
  struct Search {
    std::vector<Index> furthest;        ///< by diagonal: how far along `a` it came; -1: not there yet
    Index skip_low = 0, skip_high = 0;  ///< diagonals at either side that have left the range

    void begin(Index most) {
      if (furthest.size() < at(2 * most + 3)) furthest.resize(at(2 * most + 3));
      furthest[at(most + 2)] = 0;
      skip_low = skip_high = 0;
    }
    /// Before round `d`, which is the first to look at diagonals -d and d: they may hold what another range left.
    void widen(Index zero, Index d) {
      if (d > 0) furthest[at(zero - d)] = furthest[at(zero + d)] = -1;
    }
  };

  /// The furthest point of `search` on diagonal `k` with `d` edits: one line taken away or added, then all lines that
  /// are equal. -1: the effort is spent.
  template <typename Equal>
  Index advance(Search& search, Index d, Index k, Index n, Index m, const Equal& equal) {
    std::vector<Index>& furthest = search.furthest;
    const std::size_t here = at(zero_ + k);
    const bool adds = k == -d || (k != d && furthest[here - 1] < furthest[here + 1]);
    Index x = adds ? furthest[here + 1] : furthest[here - 1] + 1;
    const Index from = x;
    while (x < n && x - k < m && equal(x, x - k)) ++x;
    furthest[here] = x;
    if (x > n) {
      search.skip_high += 2;
    } else if (x - k > m) {
      search.skip_low += 2;
    }
    return spend(x - from) ? x : -1;
  }

  bool spend(Index lines) {
    const uint64_t cost = static_cast<uint64_t>(lines) + 1;
    if (cost > effort_) {
      effort_ = 0;
      return false;
    }
    effort_ -= cost;
    return true;
  }

  const Tokens& a_;
  const Tokens& b_;
  std::vector<bool> removed_, added_;
  Search forward_, backward_;
  Index zero_ = 0;  ///< where diagonal 0 stands in Search::furthest
  uint64_t effort_;
};

/// One change can often be told at several places: of two equal lines in a row either may be the new one.
class Sliding {
 public:
  Sliding(const Tokens& a, const Tokens& b) : a_(a), b_(b) {}

  /// As diff does: an edit that only adds or only removes is joined with the one before where it can move up to it, and
  /// else stands as far down as it can.
  std::vector<Edit> settle(const std::vector<Edit>& edits) const {
    std::vector<Edit> done;
    for (std::size_t next = 0; next < edits.size(); ++next) {
      Edit edit = edits[next];
      if (!done.empty()) {
        Edit raised = edit;
        while (raised.a_begin > done.back().a_end && can_move_up(raised)) raised = moved(raised, -1);
        if (raised.a_begin == done.back().a_end) {
          edit = {done.back().a_begin, raised.a_end, done.back().b_begin, raised.b_end};
          done.pop_back();
        }
      }
      const Index floor = next + 1 < edits.size() ? edits[next + 1].a_begin : static_cast<Index>(a_.size());
      while (edit.a_end < floor && can_move_down(edit)) edit = moved(edit, 1);
      done.push_back(edit);
    }
    return done;
  }

 private:
  static Edit moved(const Edit& edit, Index by) {
    return {edit.a_begin + by, edit.a_end + by, edit.b_begin + by, edit.b_end + by};
  }
  static bool equal(const Tokens& lines, Index one, Index other) {
    return lines[static_cast<std::size_t>(one)] == lines[static_cast<std::size_t>(other)];
  }
  /// REQUIRES: an unchanged line stands there.
  bool can_move_up(const Edit& edit) const {
    if (edit.only_adds()) return equal(b_, edit.b_begin - 1, edit.b_end - 1);
    return edit.only_removes() && equal(a_, edit.a_begin - 1, edit.a_end - 1);
  }
  bool can_move_down(const Edit& edit) const {
    if (edit.only_adds()) return equal(b_, edit.b_begin, edit.b_end);
    return edit.only_removes() && equal(a_, edit.a_begin, edit.a_end);
  }

  const Tokens& a_;
  const Tokens& b_;
};

using Lines = std::vector<std::string_view>;

/// Writes hunks of the lines of both texts.
class HunkWriter {
 public:
  HunkWriter(const Lines& before, const Lines& after, std::size_t context, std::string& out)
      : before_(before),
        after_(after),
        context_(static_cast<Index>(std::min<std::size_t>(context, 1'000'000))),
        out_(out) {}

  void write(const std::vector<Edit>& edits) {
    for (auto first = edits.begin(); first != edits.end();) {
      // What is so near that the unchanged lines around the two would touch is one hunk.
      auto last = first;
      while (std::next(last) != edits.end() && std::next(last)->a_begin - last->a_end <= 2 * context_) ++last;
      hunk(first, last);
      first = std::next(last);
    }
  }

 private:
  using Place = std::vector<Edit>::const_iterator;

  void hunk(Place first, Place last) {
    const auto before_size = static_cast<Index>(before_.size()), after_size = static_cast<Index>(after_.size());
    Index a = std::max<Index>(first->a_begin - context_, 0);
    const Index a_end = std::min(last->a_end + context_, before_size);
    const Index b = first->b_begin - (first->a_begin - a);
    const Index b_end = std::min(last->b_end + context_, after_size);
    out_ += fmt::format("@@ -{} +{} @@\n", range(a, a_end), range(b, b_end));
    for (auto edit = first;; ++edit) {
      for (; a < edit->a_begin; ++a) line(' ', before_[static_cast<std::size_t>(a)]);
      for (; a < edit->a_end; ++a) line('-', before_[static_cast<std::size_t>(a)]);
      for (Index put = edit->b_begin; put < edit->b_end; ++put) line('+', after_[static_cast<std::size_t>(put)]);
      if (edit == last) break;
    }
    for (; a < a_end; ++a) line(' ', before_[static_cast<std::size_t>(a)]);
  }

  /// "FIRST,COUNT": the count of one line is left out, and of none FIRST is the line before.
  static std::string range(Index begin, Index end) {
    if (end - begin == 1) return fmt::format("{}", begin + 1);
    return fmt::format("{},{}", begin == end ? begin : begin + 1, end - begin);
  }

  void line(char sign, std::string_view text) {
    out_ += sign;
    out_ += text;
    if (!text.ends_with('\n')) out_ += "\n\\ No newline at end of file\n";
  }

  const Lines& before_;
  const Lines& after_;
  const Index context_;
  std::string& out_;
};

/// A number for each different line.
class Numbering {
 public:
  Tokens of(const Lines& lines) {
    Tokens tokens;
    tokens.reserve(lines.size());
    for (const std::string_view line : lines)
      tokens.push_back(numbers_.try_emplace(line, static_cast<uint32_t>(numbers_.size())).first->second);
    return tokens;
  }

 private:
  std::unordered_map<std::string_view, uint32_t> numbers_;
};

}  // namespace

TextDiff text_diff(std::string_view before, std::string_view after, const TextDiffOptions& options) {
  TextDiff diff;
  if (before == after) return diff;
  const Lines old_lines = split_lines(before), new_lines = split_lines(after);
  Numbering numbering;
  const Tokens a = numbering.of(old_lines), b = numbering.of(new_lines);
  const LineComparison comparison(a, b, options.effort);
  diff.effort = options.effort - comparison.effort_left();
  const std::vector<Edit> edits = Sliding(a, b).settle(comparison.edits());
  for (const Edit& edit : edits) {
    diff.lines.removed += static_cast<std::size_t>(edit.a_end - edit.a_begin);
    diff.lines.added += static_cast<std::size_t>(edit.b_end - edit.b_begin);
  }
  HunkWriter(old_lines, new_lines, options.context, diff.hunks).write(edits);
  return diff;
}

bool is_text(std::string_view content) { return content.find('\0') == std::string_view::npos && valid_utf8(content); }

std::string harmless_diff(std::string_view diff) {
  std::string safe;
  while (!diff.empty()) {
    const std::size_t end = std::min(diff.find_first_of("\t\n"), diff.size());
    safe += harmless(diff.substr(0, end));
    if (end < diff.size()) safe += diff[end];
    diff.remove_prefix(std::min(end + 1, diff.size()));
  }
  return safe;
}

std::string diff_name(std::string_view prefix, std::string_view name) {
  const auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (std::all_of(name.begin(), name.end(), plain))
    // A tab ends a name that has spaces: patch takes what is behind a space for a date else.
    return fmt::format("{}{}{}", prefix, name, name.find(' ') == std::string_view::npos ? "" : "\t");
  std::string quoted = fmt::format("\"{}", prefix);
  for (const char c : name) {
    if (plain(c)) {
      quoted += c;
    } else if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else {
      quoted += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    }
  }
  return quoted + '"';
}

}  // namespace codedriftd
