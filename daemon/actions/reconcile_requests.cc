#include "actions/reconcile_requests.h"

#include <fmt/format.h>

#include "actions/arguments.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/text.h"
#include "select/selection.h"

namespace codedriftd {
namespace {

std::string shown_target(std::string_view text) { return harmless(clean_utf8(text, 400)); }

Checked check_reason(std::string_view reason, std::string_view verb) {
  if (reason.find_first_not_of(" \t\r\n") != std::string_view::npos) return Done{};
  return Error{fmt::format("{} needs a --reason: it is recorded, with who gave it", verb)};
}

Checked check_name(const std::string& name, std::string_view instead = "name the target") {
  if (name.empty())
    return Error{"name the target: ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER, FUNCTION:QUALIFIER or FUNCTION"};
  return check_no_pattern(name, instead);
}

template <typename Item>
Checked check_items(const std::vector<Item>& items, std::string_view what) {
  if (items.empty()) return Error{fmt::format("nothing to {}", what)};
  if (items.size() > kMostItems) return Error{fmt::format("{} targets at a time are the most", kMostItems)};
  for (const Item& item : items) {
    if (auto good = check_name(item.target); !good) return good;
    if (!item.attestation.empty() && items.size() > 1) return Error{"one attestation at a time: for one target"};
  }
  return Done{};
}

/// Reads "items" with `read_item`, which says whether it found a hash or a content; the first trouble is the error.
template <typename Item, typename ReadItem>
Checked read_items(Arguments& read, std::vector<Item>& items, ReadItem read_item) {
  for (const Json* each : read.objects("items")) {
    Arguments one(*each);
    Item item;
    item.target = one.text("target");
    const bool complete = read_item(one, item);
    if (const std::string trouble = one.trouble(); !trouble.empty()) return Error{"an item: " + trouble};
    if (!complete) return Error{fmt::format("{}: there is not a hash", shown_target(item.target))};
    items.push_back(std::move(item));
  }
  return Done{};
}

}  // namespace

// ---- what is wrong whatever the record holds ------------------------------------------------------------------------

Checked check_request(const ApproveRequest& request) {
  if (auto good = check_items(request.items, "approve"); !good) return good;
  return check_reason(request.reason, "approve");
}

Checked check_request(const ExpectRequest& request) {
  if (auto good = check_items(request.items, "announce"); !good) return good;
  for (const ExpectRequest::Item& item : request.items) {
    if (item.valid && (*item.valid < kShortestValid || *item.valid > kLongestValid))
      return Error{fmt::format("{}: an announcement is valid for {} to {}; {} is not", shown_target(item.target),
                               format_duration(kShortestValid), format_duration(kLongestValid),
                               format_duration(*item.valid))};
  }
  return Done{};
}

Checked check_request(const WithdrawRequest& request) {
  if (auto good = check_name(request.target); !good) return good;
  return check_reason(request.reason, "expect --withdraw");
}

Checked check_request(const SuspendRequest& request) {
  if (request.target.empty() || !request.count) {
    if (auto good = check_name(request.target, "with --count N, the number of functions it matches"); !good)
      return good;
  }
  return check_reason(request.reason, request.resume ? "resume" : "suspend");
}

// ---- requests as JSON -----------------------------------------------------------------------------------------------

JsonBox arguments_of(const ApproveRequest& request) {
  Json items = Json::array();
  for (const auto& item : request.items) {
    Json one{{"target", item.target}, {"sha256", item.sha256.hex()}};
    if (item.planned) one["planned"] = true;
    if (item.accepted) one["accepted"] = item.accepted->hex();
    if (!item.attestation.empty()) one["attestation"] = item.attestation;
    items.push_back(std::move(one));
  }
  Json arguments{{"items", std::move(items)}, {"reason", request.reason}};
  if (request.count) arguments["count"] = *request.count;
  if (!request.ticket.empty()) arguments["ticket"] = request.ticket;
  return arguments;
}

JsonBox arguments_of(const ExpectRequest& request) {
  Json items = Json::array();
  for (const auto& item : request.items) {
    Json one{{"target", item.target}};
    if (item.sha256) one["sha256"] = item.sha256->hex();
    if (item.content) one["content"] = item.content->text();
    if (item.valid) one["valid_ms"] = item.valid->count();
    if (!item.build.empty()) one["build"] = item.build;
    if (!item.commit.empty()) one["commit"] = item.commit;
    if (!item.attestation.empty()) one["attestation"] = item.attestation;
    items.push_back(std::move(one));
  }
  return Json{{"items", std::move(items)}};
}

JsonBox arguments_of(const WithdrawRequest& request) {
  Json arguments{{"target", request.target}, {"reason", request.reason}};
  if (request.sha256) arguments["sha256"] = request.sha256->hex();
  if (request.content) arguments["content"] = request.content->text();
  return arguments;
}

JsonBox arguments_of(const SuspendRequest& request) {
  Json arguments{{"target", request.target}, {"reason", request.reason}};
  if (request.count) arguments["count"] = *request.count;
  if (request.until) arguments["until"] = rfc3339(*request.until);
  return arguments;
}

Result<ApproveRequest> read_approve_request(const JsonBox& arguments) {
  Arguments read(*arguments);
  ApproveRequest request;
  auto good = read_items(read, request.items, [](Arguments& one, ApproveRequest::Item& item) {
    item.planned = one.flag("planned");
    item.accepted = one.sha256("accepted");
    item.attestation = one.filled("attestation");
    const auto sha256 = one.sha256("sha256");
    item.sha256 = sha256.value_or(Sha256{});
    return sha256.has_value();
  });
  request.count = read.number("count");
  request.reason = read.text("reason");
  request.ticket = read.text("ticket");
  if (const std::string trouble = read.trouble(); !trouble.empty()) return Error{trouble};
  if (!good) return good.error();
  return request;
}

Result<ExpectRequest> read_expect_request(const JsonBox& arguments) {
  Arguments read(*arguments);
  ExpectRequest request;
  auto good = read_items(read, request.items, [](Arguments& one, ExpectRequest::Item& item) {
    item.sha256 = one.sha256("sha256");
    item.content = one.content("content");
    item.valid = one.millis("valid_ms");
    item.build = one.text("build");
    item.commit = one.text("commit");
    item.attestation = one.filled("attestation");
    if (!item.attestation.empty()) return !item.sha256 && !item.content && item.build.empty() && item.commit.empty();
    return item.sha256.has_value() != item.content.has_value();
  });
  if (const std::string trouble = read.trouble(); !trouble.empty()) return Error{trouble};
  if (!good) return good.error();
  return request;
}

Result<WithdrawRequest> read_withdraw_request(const JsonBox& arguments) {
  Arguments read(*arguments);
  WithdrawRequest request;
  request.target = read.text("target");
  request.sha256 = read.sha256("sha256");
  request.content = read.content("content");
  request.reason = read.text("reason");
  if (const std::string trouble = read.trouble(); !trouble.empty()) return Error{trouble};
  return request;
}

Result<SuspendRequest> read_suspend_request(bool resume, const JsonBox& arguments) {
  Arguments read(*arguments);
  SuspendRequest request;
  request.resume = resume;
  request.target = read.text("target");
  request.count = read.number("count");
  request.reason = read.text("reason");
  if (!resume) request.until = read.time("until");
  if (const std::string trouble = read.trouble(); !trouble.empty()) return Error{trouble};
  return request;
}

}  // namespace codedriftd
