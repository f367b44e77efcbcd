#pragma once
/// The bodies of the calls in scf/read_api.h. Pure; what is put into JSON is escaped.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace codedriftd::requests {

/// The most that one page holds.
inline constexpr unsigned kPage = 100, kAuditPage = 50;

std::string get_account();
std::string list_namespaces(std::size_t offset);
enum class Order { by_name, newest_first };
std::string list_functions(std::string_view ns, Order order, std::size_t offset);
std::string list_versions(std::string_view ns, std::string_view function, std::size_t offset);
std::string list_aliases(std::string_view ns, std::string_view function, std::size_t offset);
std::string get_alias(std::string_view ns, std::string_view function, std::string_view alias);
std::string get_function(std::string_view ns, std::string_view function, std::string_view qualifier);
std::string get_layer_version(std::string_view layer, int64_t version);
/// The successful and failed calls `actions` on SCF between two moments, widened to whole seconds; `token` of the page
/// before (AuditPage::next), or empty. Throws std::logic_error for a token that read_content() did not give.
std::string describe_events(WallTime from, WallTime to, std::span<const std::string_view> actions,
                            std::string_view token);

}  // namespace codedriftd::requests
