#pragma once
/// Private to scf/: what the parts of read_content() are (scf/read_api.h).
#include "http/message.h"
#include "scf/api_error.h"
#include "scf/members.h"
#include "scf/read_api.h"

namespace codedriftd {

/// What the body of an answer may have. A page of functions is 70 KiB and more; a record of the audit log may hold a
/// whole package.
inline constexpr std::size_t kReadBodyCap = std::size_t{8} << 20;

/// What a finished HTTP request amounts to, whatever went wrong. Pure. `received`: this machine's wall clock then.
ReadAnswer read_answer_of(Action action, const HttpResponse& response, WallTime received);
/// An answer that is an error.
ReadAnswer read_error(ApiError error);

// The content of a success, by action; what is wrong with it is in the complaint of `response`.
AccountUsage account_usage(const Members& response);
NamespacePage namespace_page(const Members& response);
FunctionPage function_page(const Members& response);
VersionPage version_page(const Members& response);
AliasPage alias_page(const Members& response);
FoundAlias found_alias(const Members& alias);
FunctionDetail function_detail(const Members& response);
LayerVersion layer_version(const Members& response);
/// Of the JSON within the JSON of a record, what cannot be read counts as not told: a record is known without it, too.
AuditPage audit_page(const Members& response);

}  // namespace codedriftd
