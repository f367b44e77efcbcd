#pragma once
#include <functional>
#include <map>
#include <string>

#include "base/json.h"
#include "support/simulated_scf.h"

namespace codedriftd::test {

/// What a verb of /_control does with the object it was given, and what it answers. Throws for what cannot be.
using ControlVerb = std::function<Json(SimulatedScf&, const Json&)>;
using ControlVerbs = std::map<std::string, ControlVerb>;

/// For verbs that only do something.
template <typename Do>
ControlVerb doing(Do act) {
  return [act](SimulatedScf& scf, const Json& body) {
    act(scf, body);
    return Json{{"done", true}};
  };
}

std::string string_of(const Json& body, const char* name);
/// `by`, with what is left out as it is.
ScfCaller caller_of(const Json& body);

/// The verbs that write functions, and those of the audit log (scf_control_writes.cc).
ControlVerbs writing_verbs();

}  // namespace codedriftd::test
