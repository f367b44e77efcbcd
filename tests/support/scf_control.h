#pragma once
/// The simulated API over HTTP, for scripts: curl -d '{"target":"…","sha256":"…"}' 127.0.0.1:PORT/_control/set
///
/// A target is "REGION/NAMESPACE/FUNCTION:QUALIFIER"; without ":QUALIFIER" it is `$LATEST`. `by`? says who makes a
/// write, as the audit log tells it, and what is left out is ScfCaller's (support/simulated_audit.h):
///   "by":{"principal":"ci-deploy","type":"CAMUser"|"Root"|"AssumedRole","ip":"203.0.113.7","key_id":"…",
///         "user_agent":"…","request_id":"…","console":false,"error":""}
/// With an `error` the call failed with that code: it is recorded, and changes nothing.
///
/// What is live. Every one of them moves ModTime, also if the hash is as before:
///   POST /_control/set         {"target","sha256","by"?}               a version's target publishes it, if it is new
///   POST /_control/deploy      {"target","files":{NAME:CONTENT,…},"modes"?:{NAME:"755",…},"by"?}  answers "sha256",
///   too POST /_control/deploy_zip  {"target","zip","by"?}                  base64: the package as it is stored POST
///   /_control/repack      {"target","by"?}                        the same files: another hash POST
///   /_control/swap_and_restore {"target","by"?}                   other code, and the old again: ModTime alone moves
/// The functions:
///   POST /_control/create      {"target","sha256"?,"type"?:"Event"|"HTTP","runtime"?,"status"?,"tags"?:{K:V},"by"?}
///   POST /_control/configure   {"target","status"?,"tags"?:{K:V},"by"?}  ModTime moves, the code stays
///   POST /_control/recreate    {"target","by"?}          deleted and made again: same code, other FunctionId and
///   AddTime POST /_control/remove      {"target","by"?}          of `$LATEST`: the function with all that is its own
///   POST /_control/publish_version {"target","by"?}      answers "version"; ModTime stays
///   POST /_control/set_alias   {"target","alias","version","other"?,"weight"?:0.1,"match"?:[K,METHOD,EXPR],"by"?}
///   POST /_control/remove_alias {"target","alias","by"?}
///   POST /_control/publish_layer {"region","layer","sha256","by"?}     answers "version"
///   POST /_control/set_layers  {"target","layers":[{"name","version"},…],"by"?}   ModTime moves
///   POST /_control/set_image   {"target","image_uri","by"?}            "" makes it a code function again; ModTime
///   moves POST /_control/add_namespace {"region","namespace","type"?:"Default"|"TCB","by"?} POST
///   /_control/remove_namespace {"region","namespace","by"?}       with its functions GET  /_control/functions all that
///   are there: "target", "function_id", …
/// What goes wrong with links and downloads:
///   POST /_control/package_fault {"target","fault","times"?}           support/simulated_packages.h; "none" clears
///   POST /_control/link_lifetime {"seconds"}
/// What goes wrong with answers. A key is a target (of GetFunctionAddress), "REGION/NAMESPACE/FUNCTION/ACTION",
/// "REGION/NAMESPACE/ACTION", "REGION/ACTION", "ACTION" or "*"; the first of these that is set wins:
///   POST /_control/error       {"target":KEY,"code","message"?,"times"?}   code "" clears
///   POST /_control/fault       {"target":KEY,"fault","times"?}         support/fault.h; "none" clears
///   POST /_control/listing_fault {"target":KEY,"fault","times"?}       ListingFault (support/simulated_answers.h)
///   POST /_control/listing_race {"region","namespace","insert"?:[NAME,…],"remove"?:[NAME,…],"times"?:1}
///                              after a page of ListFunctions that is not the last one. More times: what the time
///                              before inserted is removed, and NAME-2, NAME-3, … are inserted
///   POST /_control/account_lag {"lag":true|false}                      GetAccount answers as of now until false
/// What goes wrong with who asks:
///   POST /_control/wedge       {"pid","thread"}                        stops that thread (support/wedge.h)
///   POST /_control/clear       {}                                      ends every error, fault, race, lag and wedge
/// Budgets and time:
///   POST /_control/rate        {"per_second"}                          of GetFunctionAddress, for each region
///   POST /_control/rates       {"per_second":{ACTION:N,…}} or {"documented":true}   for each key and action, all
///   regions
///                              of this host together; what is not named has none
///   POST /_control/latency     {"before":[min,max]?,"after":…?,"split":…?}   milliseconds
///   POST /_control/clock       {"offset_seconds"}
/// The audit log:
///   POST /_control/audit_delay {"seconds"}                             until a record can be seen; of older ones, too
///   POST /_control/audit_drop  {"count"}                               the next so many records are lost
///   POST /_control/audit_record {"action","target","by"?,"time"?,"read"?}   a record without a call; "time": Unix
///   seconds POST /_control/audit_clear {}
/// What was asked:
///   POST /_control/reset       {}                                      the statistics
///   GET  /_control/statistics                                          "by_action":{ACTION:{"calls","refused",
///                                                                      "busiest_second","busiest_second_sent"}}, too
///   GET  /_control/requests
///
/// 200 with a JSON object on success; 400 or 404 with {"error"} otherwise.
namespace codedriftd::test {

class Connection;
class SimulatedScf;

/// Serves one connection until it ends.
void serve_control(SimulatedScf& scf, Connection& connection);

}  // namespace codedriftd::test
