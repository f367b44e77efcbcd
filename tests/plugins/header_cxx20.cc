// The plugin header as C++20: a table whose functions may not throw.
#include "codedriftd/sink.h"

static_assert(sizeof(codedriftd_sink_api) == 88);

namespace {
codedriftd_result deliver(codedriftd_sink*, const codedriftd_alert*, codedriftd_report*) noexcept {
  return CODEDRIFTD_DELIVERED;
}
constexpr codedriftd_sink_api kTable{.struct_size = sizeof(codedriftd_sink_api),
                                     .abi_minor = 0,
                                     .alert_schema = 1,
                                     .flags = 0,
                                     .name = "x",
                                     .version = "1",
                                     .options = nullptr,
                                     .option_count = 0,
                                     .option_size = 0,
                                     .per_minute = 0,
                                     .burst = 0,
                                     .open = nullptr,
                                     .deliver = deliver,
                                     .close = nullptr,
                                     .probe = nullptr};
}  // namespace

bool header_cxx20_has_probe() { return CODEDRIFTD_HAS(&kTable, probe); }
