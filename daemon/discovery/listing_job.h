#pragma once
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "discovery/paging.h"
#include "discovery/read_job.h"
#include "model/inventory.h"

namespace codedriftd {

/// Bounds of one listing.
inline constexpr std::size_t kMostFunctions = 100'000, kMostNamespaces = 10'000;
inline constexpr unsigned kMostListingCalls = 10'000;

/// Reads all functions of an account in a region: GetAccount, ListNamespaces, and ListFunctions of each namespace.
/// Pure.
///
/// A namespace counts as read when one reading of it was without a gap (Paging), and showed every function that
/// GetAccount names; else it is read again, three times at most, because deployments race with readings. GetAccount is
/// only held against it: where it is refused, or lags behind, a listing can be complete without it. What GetAccount
/// does not know yet speaks against nothing.
///
/// A namespace that cannot be read is `unread`, the others are read all the same; three in a row that are refused for a
/// cause that is the account's end the listing. What was seen of an unread namespace is in the listing.
class ListingJob final : public ReadJob {
 public:
  ListingJob(std::string account, std::string region, WallTime began);

  std::optional<ReadCall> next() override;
  void take(ReadAnswer answer, WallTime at) override;

  /// What was read, moved out. Complete only if the job is over: one that was given up has kUnfinishedCode.
  Listing take_listing();

 private:
  enum class Step { account, namespaces, functions, account_again, over };
  enum class Difference { none, unknown_there, missing_here };
  /// What GetAccount says of one namespace.
  struct Usage {
    std::set<std::string> names;
    int64_t functions = 0;
  };
  struct Place {
    unsigned readings = 0;
    unsigned held_against = 0;  ///< the reading after which GetAccount was asked again
    bool refused = false;       ///< "there is no such namespace"
    bool unread = false;
    std::map<std::string, FoundFunction> functions;  ///< by name
    std::set<std::string> unreadable;
  };
  /// One reading of one namespace.
  struct Reading {
    Reading(std::string name, std::size_t most) : ns(std::move(name)), paging("functions", most) {}
    void take(FunctionPage page);
    std::string ns;
    Paging paging;
    std::map<std::string, FoundFunction> functions;
    std::map<std::string, std::string> names;  ///< by FunctionId
    std::set<std::string> unreadable;
  };

  void take_account(const ReadAnswer& answer);
  void take_namespaces(const ReadAnswer& answer);
  void take_functions(ReadAnswer answer);
  void namespaces_known();
  void go_on();
  void judge();
  void read_again();
  void accept();
  void give_up(const PollError& why);
  void keep_what_was_seen();
  void end_with(const PollError& why);
  void trouble(const PollError& why);
  Difference difference() const;
  std::size_t found() const;

  Listing listing_;
  Step step_ = Step::account;
  std::optional<std::map<std::string, Usage>> usage_;  ///< nullopt: GetAccount has not answered
  Paging namespace_paging_;
  std::set<std::string> namespaces_;  ///< of the reading of namespaces
  unsigned namespace_readings_ = 0;
  unsigned vanished_ = 0;  ///< so often the namespaces were read again because one was not there
  std::map<std::string, Place> places_;
  std::deque<std::string> todo_;
  std::optional<Reading> reading_;
  unsigned causes_in_a_row_ = 0;
};

}  // namespace codedriftd
