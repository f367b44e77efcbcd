#pragma once
/// How well accounts were looked through (audit/story/looks.h), as reports have it.
#include <string>
#include <vector>

#include "audit/story/looks.h"
#include "base/json.h"

namespace codedriftd {

/// [{account, region, found, watched, coverage, last_complete_at, failing, error, gaps: [{from, until, listings,
/// error}]}]. Of a region that was never listed all but its names is null, and gaps are none.
OrderedJson looks_value(const std::vector<RegionLook>& looks);

/// One sentence: "prod in ap-guangzhou: 12 functions found, 9 of them watched (75.00 %); last listed completely at T."
std::string words_of_look(const RegionLook& look);

/// {code, message, request_id}, or null where the code is empty.
OrderedJson error_value(const PollError& error);
/// "Code: message", or the code alone; "nothing was listed" where there is none.
std::string trouble_words(const PollError& trouble);

}  // namespace codedriftd
