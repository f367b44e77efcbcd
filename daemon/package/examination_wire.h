#pragma once
/// What the daemon and codedriftd-examiner say to each other: one request, one answer, over one socket. Private, and
/// of one release. Names are bytes of any kind. What comes from the examiner is untrusted, because a package may have
/// taken it over: it is bounded, and has to be what an honest examiner could say.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "package/examination.h"

namespace codedriftd {

/// The content of one file, if it has no more than `cap` bytes.
struct ExtractRequest {
  std::string name;
  uint64_t cap = 0;

  friend bool operator==(const ExtractRequest&, const ExtractRequest&) = default;
};
/// What the examiner is to do with the package that it holds as descriptor 0: the examination, unless `extract` is set.
struct ExaminerRequest {
  PackageLimits limits;
  std::optional<ExtractRequest> extract{};

  friend bool operator==(const ExaminerRequest&, const ExaminerRequest&) = default;
};
std::string encode(const ExaminerRequest& request);
Result<ExaminerRequest> decode_request(std::string_view bytes);
/// No request is longer.
inline constexpr std::size_t kLongestRequest = 8192;

/// The first byte of an answer says what the rest is.
enum class ExaminerAnswer : char { examination = 'E', content = 'C', failure = 'F' };

/// Without the first byte.
std::string encode(const Examination& examination);
/// An error says what an honest examiner would not have said.
Result<Examination> decode_examination(std::string_view bytes, const PackageLimits& limits);
/// No encoded examination is longer.
std::size_t longest_examination(const PackageLimits& limits);

}  // namespace codedriftd
