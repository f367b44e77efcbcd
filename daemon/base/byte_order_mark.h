#pragma once
#include <string_view>

namespace codedriftd {

/// What some editors put at the beginning of a file in UTF-8. It belongs to no text: whoever reads a file skips it.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace codedriftd
