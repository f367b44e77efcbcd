#include "discovery/listing_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "polling/attempts.h"
#include "scf/requests.h"

namespace codedriftd {
namespace {

constexpr unsigned kMostVanished = 3;

const PollError kOddAnswer{"Client.BadAnswer", "the answer is to another call", ""};

}  // namespace

ListingJob::ListingJob(std::string account, std::string region, WallTime began)
    : namespace_paging_("namespaces", kMostNamespaces) {
  listing_.account = std::move(account);
  listing_.region = std::move(region);
  listing_.began = listing_.ended = began;
}

std::optional<ReadCall> ListingJob::next() {
  if (step_ != Step::over && listing_.calls >= kMostListingCalls)
    end_with({std::string(kTooManyCode), fmt::format("the listing took more than {} calls", kMostListingCalls), ""});
  switch (step_) {
    case Step::account:
    case Step::account_again:
      return ReadCall{Action::get_account, listing_.account, listing_.region, requests::get_account()};
    case Step::namespaces:
      return ReadCall{Action::list_namespaces, listing_.account, listing_.region,
                      requests::list_namespaces(namespace_paging_.offset())};
    case Step::functions:
      return ReadCall{Action::list_functions, listing_.account, listing_.region,
                      requests::list_functions(reading_->ns, requests::Order::by_name, reading_->paging.offset())};
    case Step::over:
      break;
  }
  return std::nullopt;
}

void ListingJob::take(ReadAnswer answer, WallTime at) {
  ++listing_.calls;
  listing_.ended = at;
  listing_.clock_error = answer.clock_error.value_or(listing_.clock_error);
  switch (step_) {
    case Step::account:
    case Step::account_again:
      take_account(answer);
      break;
    case Step::namespaces:
      take_namespaces(answer);
      break;
    case Step::functions:
      take_functions(std::move(answer));
      break;
    case Step::over:
      break;
  }
}

void ListingJob::take_account(const ReadAnswer& answer) {
  const auto* account = std::get_if<AccountUsage>(&answer.content);
  if (answer.error.code.empty() && account) {
    usage_.emplace();
    for (const AccountUsage::Namespace& ns : account->namespaces) {
      Usage& usage = (*usage_)[ns.name];
      usage.names.insert(ns.names.begin(), ns.names.end());
      usage.functions = ns.functions;
    }
  }
  // What it said before stands if it does not answer any more.
  if (std::exchange(step_, Step::namespaces) == Step::account_again) {
    step_ = Step::functions;
    judge();
  }
}

void ListingJob::take_namespaces(const ReadAnswer& answer) {
  const auto* page = std::get_if<NamespacePage>(&answer.content);
  if (!answer.error.code.empty() || !page) {
    trouble(page || !answer.error.code.empty() ? answer.error : kOddAnswer);
    // What GetAccount names can be read all the same. Whether that is all is not known.
    for (auto& [name, place] : places_) place.unread |= std::exchange(place.refused, false);
    namespaces_known();
    return;
  }
  namespace_paging_.take(page->names, 0, page->total);
  namespaces_.insert(page->names.begin(), page->names.end());
  if (!namespace_paging_.over()) return;
  const PollError why = namespace_paging_.trouble();
  if (why.code == kMovedCode && ++namespace_readings_ < kMostReadings) {
    namespace_paging_ = Paging("namespaces", kMostNamespaces);
    return;
  }
  if (!why.code.empty()) trouble(why);
  namespaces_known();
}

void ListingJob::namespaces_known() {
  const bool again = vanished_ > 0;
  for (const std::string& name : namespaces_) {
    const auto [place, fresh] = places_.try_emplace(name);
    // It was said not to be there, and is: once more.
    if (fresh || std::exchange(place->second.refused, false)) todo_.push_back(name);
  }
  if (!again && usage_) {
    // A namespace that only GetAccount knows is read, too: the answer tells whether it is there.
    for (const auto& [name, usage] : *usage_) {
      if (places_.try_emplace(name).second) todo_.push_back(name);
    }
  }
  std::erase_if(places_, [](const auto& item) { return item.second.refused; });
  go_on();
}

void ListingJob::go_on() {
  reading_.reset();
  if (todo_.empty()) {
    step_ = Step::over;
    return;
  }
  step_ = Step::functions;
  std::string ns = std::move(todo_.front());
  todo_.pop_front();
  reading_.emplace(std::move(ns), kMostFunctions - std::min(kMostFunctions, found()));
}

void ListingJob::Reading::take(FunctionPage page) {
  std::vector<std::string> keys;
  keys.reserve(page.functions.size() + page.unreadable.size());
  for (FoundFunction& function : page.functions) {
    keys.push_back(function.function_id.empty() ? "name " + function.name : "id " + function.function_id);
    if (function.ns != ns) {
      paging.blame("Client.BadAnswer",
                   fmt::format("{} is listed there and says that its namespace is {}", function.name, function.ns));
      continue;
    }
    if (!function.function_id.empty()) {
      const auto [known, fresh] = names.emplace(function.function_id, function.name);
      if (!fresh && known->second != function.name) {
        paging.blame(kMovedCode, fmt::format("{} and {} have the same FunctionId", known->second, function.name));
        functions.erase(known->second);
        known->second = function.name;
      }
    }
    const auto known = functions.find(function.name);
    // Deleted and created anew in between: the later one counts, once a reading shows it alone.
    if (known != functions.end() && known->second.function_id != function.function_id)
      paging.blame(kMovedCode, fmt::format("{} is there with two FunctionIds", function.name));
    functions.insert_or_assign(function.name, std::move(function));
  }
  for (std::string& text : page.unreadable) {
    keys.push_back("text " + text);
    unreadable.insert(std::move(text));
  }
  paging.take(keys, 0, page.total);
}

void ListingJob::take_functions(ReadAnswer answer) {
  causes_in_a_row_ = answer.meaning.account_cause ? causes_in_a_row_ + 1 : 0;
  if (answer.error.code.empty()) {
    auto* page = std::get_if<FunctionPage>(&answer.content);
    if (!page) {
      give_up(kOddAnswer);
      return;
    }
    reading_->take(std::move(*page));
    if (reading_->paging.over()) {
      ++places_[reading_->ns].readings;
      judge();
    }
  } else if (answer.meaning.outcome == Outcome::missing && vanished_ < kMostVanished) {
    // Deleted since the namespaces were read, or the cloud errs: what they are now tells.
    ++vanished_;
    keep_what_was_seen();
    places_[reading_->ns].refused = true;
    namespaces_.clear();
    namespace_readings_ = 0;
    namespace_paging_ = Paging("namespaces", kMostNamespaces);
    step_ = Step::namespaces;
  } else if (causes_in_a_row_ >= kCausesInARow) {
    end_with(answer.error);
  } else {
    give_up(answer.error);
  }
}

/// A reading is over: accept it, read again, or let it be.
void ListingJob::judge() {
  Place& place = places_[reading_->ns];
  const PollError& why = reading_->paging.trouble();
  if (!why.code.empty()) {
    if (why.code != kTooManyCode && place.readings < kMostReadings) {
      read_again();
    } else {
      give_up(why);
    }
    return;
  }
  const Difference now = difference();
  if (now == Difference::none || (now == Difference::unknown_there && place.readings > 1)) {
    accept();
  } else if (place.readings == 1) {
    read_again();
  } else if (place.held_against < place.readings) {
    // Twice alike and GetAccount says otherwise: it may be the one that lags.
    place.held_against = place.readings;
    step_ = Step::account_again;
  } else if (place.readings < kMostReadings) {
    read_again();
  } else {
    give_up({std::string(kDiffersCode), "GetAccount names functions that ListFunctions does not show", ""});
  }
}

ListingJob::Difference ListingJob::difference() const {
  if (!usage_) return Difference::none;
  const auto found = usage_->find(reading_->ns);
  const Usage none;
  const Usage& usage = found == usage_->end() ? none : found->second;
  const auto known = static_cast<int64_t>(reading_->paging.known());
  if (usage.functions > known) return Difference::missing_here;
  if (valid_part(reading_->ns)) {  // else none of its functions has a name here
    for (const std::string& name : usage.names) {
      if (valid_part(name) && !reading_->functions.contains(name)) return Difference::missing_here;
    }
  }
  if (usage.functions < known) return Difference::unknown_there;
  return Difference::none;
}

void ListingJob::keep_what_was_seen() {
  Place& place = places_[reading_->ns];
  for (auto& [name, function] : reading_->functions) place.functions.insert_or_assign(name, std::move(function));
  place.unreadable.merge(reading_->unreadable);
}

void ListingJob::read_again() {
  keep_what_was_seen();
  step_ = Step::functions;
  const std::string ns = reading_->ns;
  const std::size_t others = found() - places_[ns].functions.size();
  reading_.emplace(ns, kMostFunctions - std::min(kMostFunctions, others));
}

void ListingJob::accept() {
  Place& place = places_[reading_->ns];
  place.functions = std::move(reading_->functions);
  place.unreadable = std::move(reading_->unreadable);
  go_on();
}

void ListingJob::give_up(const PollError& why) {
  keep_what_was_seen();
  places_[reading_->ns].unread = true;
  PollError named = why;
  named.message = fmt::format("namespace {}: {}", harmless(reading_->ns), why.message);
  trouble(named);
  go_on();
}

void ListingJob::end_with(const PollError& why) {
  if (reading_) {
    keep_what_was_seen();
    todo_.push_back(reading_->ns);
    reading_.reset();
  }
  for (const std::string& ns : todo_) places_[ns].unread = true;
  todo_.clear();
  trouble(why);
  step_ = Step::over;
}

void ListingJob::trouble(const PollError& why) {
  if (listing_.trouble.code.empty()) listing_.trouble = why;
}

std::size_t ListingJob::found() const {
  std::size_t count = 0;
  for (const auto& [ns, place] : places_) count += place.functions.size();
  return count;
}

Listing ListingJob::take_listing() {
  if (step_ != Step::over) end_with({std::string(kUnfinishedCode), "the listing was given up before its end", ""});
  for (auto& [ns, place] : places_) {
    listing_.namespaces.push_back(ns);
    if (place.unread) listing_.unread.push_back(ns);
    for (auto& [name, function] : place.functions) listing_.functions.push_back(std::move(function));
    for (const std::string& text : place.unreadable) listing_.unreadable.push_back(text);
  }
  std::sort(listing_.unreadable.begin(), listing_.unreadable.end());
  listing_.complete = listing_.trouble.code.empty();
  return std::move(listing_);
}

}  // namespace codedriftd
