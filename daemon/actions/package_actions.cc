#include "actions/package_actions.h"

#include <fmt/format.h>

#include <memory>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "store/packages/files.h"
#include "store/packages/packages.h"

namespace codedriftd {
namespace {

/// "1 package", "2 packages"
std::string packages_of(std::size_t count) { return fmt::format("{} package{}", count, count == 1 ? "" : "s"); }

void record_pruning(Tx& tx, Ledger& ledger, const PruneRequest& request, const Caller& caller,
                    const std::vector<Sha256>& codes, uint64_t bytes, WallTime now) {
  constexpr std::size_t kMostNamed = 100;
  const std::size_t count = codes.size();
  NewEvent event;
  event.kind = "package.pruned";
  event.actor = caller.actor;
  const std::string reason = clean_utf8(request.reason);
  event.data = Json{{"count", count}, {"bytes", bytes}, {"reason", reason}};
  Json& named = (*event.data)["packages"] = Json::array();
  for (std::size_t i = 0; i < std::min(count, kMostNamed); ++i) named.push_back(codes[i].hex());
  if (!caller.claimed.empty()) (*event.data)["claimed"] = caller.claimed;
  event.facts.reason = reason;
  event.facts.summary =
      fmt::format("{} removed {} of {} bytes that were kept: {}.", caller.actor, packages_of(count), bytes, reason);
  ledger.append(tx, event, now);
}

}  // namespace

JsonBox arguments_of(const PruneRequest& request) {
  return Json{{"max_total", request.max_total}, {"reason", request.reason}};
}

Result<PruneRequest> read_prune_request(const JsonBox& arguments) {
  Arguments read(*arguments);
  PruneRequest request;
  const auto max_total = read.number("max_total");
  request.reason = read.text("reason");
  if (const std::string trouble = read.trouble(); !trouble.empty()) return Error{trouble};
  // What is not said must not mean "all of them".
  if (!max_total || *max_total < 0) return Error{"the argument \"max_total\" is not a number of bytes"};
  request.max_total = static_cast<uint64_t>(*max_total);
  return request;
}

Checked check_request(const PruneRequest& request) {
  if (request.reason.find_first_not_of(" \t\r\n") != std::string::npos) return Done{};
  return Error{"packages prune needs a --reason: it is recorded, with who gave it"};
}

Result<JsonBox, NothingDone> perform(Tx& tx, Ledger& ledger, const PruneRequest& request, const Caller& caller,
                                     WallTime now) {
  if (auto good = check_request(request); !good) return NothingDone{"usage", good.error().message};
  const std::size_t kept = packages::kept(tx.db).size();
  const uint64_t before = packages::kept_bytes(tx.db);
  const std::vector<Sha256> leaving = packages::prune_candidates(tx.db, request.max_total);
  if (leaving.empty()) {
    return NothingDone{"nothing",
                       kept == 0 ? "no package is kept: there is nothing to remove"
                                 : fmt::format("the {} that {} kept take {} bytes, no more than {}: nothing was "
                                               "removed; --max-total takes less, --all removes all",
                                               packages_of(kept), kept == 1 ? "is" : "are", before, request.max_total)};
  }
  // Before anything is written: what cannot be opened cannot be removed either.
  auto opened = PackageFolder::open(request.folder);
  if (!opened) return NothingDone{"failed", opened.error().message};
  Json listed = Json::array();
  for (std::size_t i = 0; i < std::min(leaving.size(), kPrunedListed); ++i) listed.push_back(leaving[i].hex());
  packages::let_go(tx, std::make_shared<const PackageFolder>(std::move(*opened)), leaving);
  const uint64_t after = packages::kept_bytes(tx.db);
  record_pruning(tx, ledger, request, caller, leaving, before - after, now);
  Json done{{"count", leaving.size()},
            {"bytes", before - after},
            {"left", {{"count", kept - leaving.size()}, {"bytes", after}}},
            {"packages", std::move(listed)}};
  return JsonBox(std::move(done));
}

}  // namespace codedriftd
