#pragma once
/// The part of `check` that tells what rules and discovery mean.
#include <iosfwd>
#include <string>
#include <vector>

#include "base/json.h"
#include "scf/read_api.h"
#include "settings/settings.h"

namespace codedriftd {

/// Each [[watch]]: whom it matches, and what each function that it watches costs. Nothing without any.
void print_rules(const Settings& settings, std::ostream& out);
/// What discovery costs and brings, for each account that has it. Nothing without any.
void print_discovery(const Settings& settings, std::ostream& out);
/// What of it does not fit, in words.
std::vector<std::string> discovery_warnings(const Settings& settings);
/// [{where,max_targets,calls_per_day:[{action,calls,of}],room,room_action}] of each [[watch]]: what one function that
/// it watches costs, how many there is room for, and the action whose limit says so.
OrderedJson rules_json(const Settings& settings);
/// [{account,regions,calls_per_day:[{action,calls,of}],seen_within_ms,namespaces,fits}]; `namespaces` null: no limit.
OrderedJson discovery_json(const Settings& settings);

struct DiscoveryAnswer {
  std::string account, region;
  ReadAnswer answer;
};
/// One ListNamespaces for each account and region that discovery lists: the first call that no listing can do without.
std::vector<DiscoveryAnswer> ask_discovery(const Settings& settings, ReadApi& api);
/// Each outcome; nothing without any.
void print_discovery_answers(const std::vector<DiscoveryAnswer>& answers, std::ostream& out);
/// [{account,region,namespaces,code,message,request_id}]; `namespaces` null where it failed.
OrderedJson discovery_answers_json(const std::vector<DiscoveryAnswer>& answers);

}  // namespace codedriftd
