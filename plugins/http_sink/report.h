#pragma once
#include <cstring>
#include <string_view>

#include "base/text.h"
#include "codedriftd/sink.h"

namespace codedriftd::http_sink {

/// Puts as much of `text` into the report as it holds, and gives `result` back.
inline codedriftd_result answer(codedriftd_report* report, codedriftd_result result, std::string_view text) {
  const std::string_view cut = utf8_prefix(text, report->text_cap - 1);
  std::memcpy(report->text, cut.data(), cut.size());
  report->text[cut.size()] = '\0';
  return result;
}

}  // namespace codedriftd::http_sink
