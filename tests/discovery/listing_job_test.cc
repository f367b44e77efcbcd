#include "discovery/listing_job.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "discovery/catalogue.h"
#include "support/seed.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

class ListingJobTest : public testing::Test {
 protected:
  using Answer = std::function<ReadAnswer(const ReadCall&)>;
  Listing list(const Answer& answer) {
    ListingJob job("prod", "ap-guangzhou", WallTime{1000s});
    carry(job, answer, WallTime{1010s});
    return job.take_listing();
  }
  Listing list() {
    return list([&](const ReadCall& call) { return cloud.answer(call); });
  }
  /// Answers of the catalogue, but what `instead` gives for one action.
  Listing list_with(Action action, const std::function<std::optional<ReadAnswer>(const ReadCall&, int)>& instead) {
    return list([&, asked = 0](const ReadCall& call) mutable {
      ReadAnswer answer = cloud.answer(call);
      if (call.action != action) return answer;
      return instead(call, ++asked).value_or(answer);
    });
  }
  static std::vector<std::string> names(const Listing& listing) {
    std::vector<std::string> names;
    for (const FoundFunction& function : listing.functions) names.push_back(function.ns + "/" + function.name);
    return names;
  }

  Catalogue cloud;
};

TEST_F(ListingJobTest, ListsEveryFunctionOfEveryNamespaceOnceAndSorted) {
  cloud.add_many("default", 1500);
  cloud.add_many("pay", 499);
  cloud.add("tcb-env", "one");
  cloud.namespaces["empty"];
  const Listing listing = list();
  EXPECT_TRUE(listing.complete) << listing.trouble.message;
  EXPECT_EQ(listing.trouble, PollError());
  EXPECT_EQ(listing.namespaces, (std::vector<std::string>{"default", "empty", "pay", "tcb-env"}));
  ASSERT_EQ(listing.functions.size(), 2000U);
  const auto all = names(listing);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  EXPECT_EQ(listing.account, "prod");
  EXPECT_EQ(listing.region, "ap-guangzhou");
  EXPECT_EQ(listing.began, WallTime{1000s});
  EXPECT_EQ(listing.ended, WallTime{1010s});
  EXPECT_EQ(listing.calls, cloud.calls.size());
}

TEST_F(ListingJobTest, TwoThousandFunctionsInThreeNamespacesTakeAboutTwentyFiveCalls) {
  cloud.add_many("a", 1200);
  cloud.add_many("b", 500);
  cloud.add_many("c", 300);
  const Listing listing = list();
  EXPECT_TRUE(listing.complete);
  RecordProperty("calls", std::to_string(listing.calls));
  EXPECT_LE(listing.calls, 26U);
}

TEST_F(ListingJobTest, AnEmptyAccountIsComplete) {
  cloud.namespaces["default"];
  const Listing listing = list();
  EXPECT_TRUE(listing.complete);
  EXPECT_TRUE(listing.functions.empty());
}

TEST_F(ListingJobTest, GoesOnWithoutGetAccountWhereThatIsDeniedOrFails) {
  cloud.add_many("default", 250);
  for (const char* code : {"UnauthorizedOperation.CAM", "Client.Timeout", "InternalError"}) {
    const Listing listing = list_with(Action::get_account, [&](const ReadCall&, int) { return read_refused(code); });
    EXPECT_TRUE(listing.complete) << code;
    EXPECT_EQ(listing.functions.size(), 250U);
  }
}

TEST_F(ListingJobTest, OneNamespaceThatCannotBeReadLeavesTheOthers) {
  cloud.add_many("a", 3);
  cloud.add_many("b", 150);
  cloud.add_many("c", 3);
  const Listing listing = list_with(Action::list_functions, [](const ReadCall& call, int) -> std::optional<ReadAnswer> {
    if (call.body.find("\"b\"") == std::string::npos || number_in(call, "Offset") == 0) return std::nullopt;
    return read_refused("UnauthorizedOperation.CAM");
  });
  EXPECT_FALSE(listing.complete);
  EXPECT_EQ(listing.trouble.code, "UnauthorizedOperation.CAM");
  EXPECT_EQ(listing.trouble.message, "namespace b: simulated");
  EXPECT_EQ(listing.trouble.request_id, "request-2");
  EXPECT_EQ(listing.unread, std::vector<std::string>{"b"});
  EXPECT_EQ(listing.namespaces.size(), 3U);
  EXPECT_EQ(listing.functions.size(), 106U) << "its first page was seen";
}

TEST_F(ListingJobTest, EndsWhenThreeNamespacesInARowAreRefusedForACauseThatIsTheAccounts) {
  for (const char* ns : {"a", "b", "c", "d", "e", "f"}) cloud.add(ns, "one");
  const Listing listing = list_with(Action::list_functions,
                                    [](const ReadCall&, int) { return read_refused("AuthFailure.SecretIdNotFound"); });
  EXPECT_FALSE(listing.complete);
  EXPECT_EQ(listing.trouble.code, "AuthFailure.SecretIdNotFound");
  EXPECT_EQ(listing.unread.size(), 6U);
  EXPECT_EQ(cloud.calls_of(Action::list_functions), 3U);
}

TEST_F(ListingJobTest, WithoutNamespacesReadsThoseThatGetAccountNamesAndIsNotComplete) {
  cloud.add_many("a", 3);
  const auto refuse = [](const ReadCall&, int) { return read_refused("UnauthorizedOperation.CAM"); };
  const Listing listing = list_with(Action::list_namespaces, refuse);
  EXPECT_FALSE(listing.complete);
  EXPECT_EQ(listing.trouble.code, "UnauthorizedOperation.CAM");
  EXPECT_EQ(listing.functions.size(), 3U);
  const Listing nothing = list([](const ReadCall&) { return read_refused("Client.NoCredentials"); });
  EXPECT_FALSE(nothing.complete);
  EXPECT_EQ(nothing.trouble.code, "Client.NoCredentials");
  EXPECT_EQ(nothing.calls, 2U);
}

TEST_F(ListingJobTest, ReadsANamespaceAgainWhenItsTotalMoved) {
  cloud.add_many("default", 250);
  const Listing listing = list_with(Action::list_functions, [&](const ReadCall&, int asked) {
    if (asked == 1) cloud.add("default", "a-new-one");
    return std::nullopt;
  });
  EXPECT_TRUE(listing.complete);
  EXPECT_EQ(listing.functions.size(), 251U);
}

TEST_F(ListingJobTest, SaysSoWhenItMovedThreeTimesAndShowsWhatItSaw) {
  cloud.add_many("default", 250);
  cloud.add_many("quiet", 2);
  const Listing listing = list_with(Action::list_functions, [&](const ReadCall& call, int asked) {
    if (call.body.find("quiet") == std::string::npos) cloud.add("default", fmt::format("a{}", asked));
    return std::nullopt;
  });
  EXPECT_FALSE(listing.complete);
  EXPECT_EQ(listing.trouble.code, kMovedCode);
  EXPECT_EQ(listing.unread, std::vector<std::string>{"default"});
  EXPECT_GE(listing.functions.size(), 252U);
}

/// Five go from the first page and five come at the end; later four come at the front and four go at the end. One that
/// was there all the time was on no page, and all totals agree with what was seen.
TEST_F(ListingJobTest, NoticesAFunctionThatSlippedBetweenTwoPagesThoughAllNumbersAgree) {
  cloud.add_many("default", 250);
  auto& functions = cloud.namespaces["default"];
  int asked = 0;
  const Listing listing = list([&](const ReadCall& call) {
    if (call.action == Action::get_account) return read_refused("UnauthorizedOperation.CAM");
    ReadAnswer answer = cloud.answer(call);
    if (call.action != Action::list_functions) return answer;
    if (++asked == 1) {
      functions.erase(functions.begin(), std::next(functions.begin(), 5));
      for (int i = 0; i < 5; ++i) cloud.add("default", fmt::format("z{}", i));
    } else if (asked == 2) {
      for (int i = 0; i < 4; ++i) {
        cloud.add("default", fmt::format("a{}", i));
        functions.erase(std::prev(functions.end()));
      }
    }
    return answer;
  });
  EXPECT_TRUE(listing.complete);
  std::vector<std::string> expected;
  for (const auto& [name, function] : functions) expected.push_back("default/" + name);
  EXPECT_EQ(names(listing), expected);
  EXPECT_EQ(asked, 6) << "it was read again";
}

TEST_F(ListingJobTest, AFunctionThatGetAccountNamesAndNoReadingShowsMakesTheListingIncomplete) {
  cloud.add_many("default", 20);
  const Listing listing = list_with(Action::get_account, [&](const ReadCall&, int) {
    AccountUsage usage = cloud.usage();
    usage.namespaces[0].names.push_back("hidden");
    return read_ok(usage);
  });
  EXPECT_FALSE(listing.complete);
  EXPECT_EQ(listing.trouble.code, kDiffersCode);
  EXPECT_EQ(cloud.calls_of(Action::list_functions), 3U);
  EXPECT_EQ(cloud.calls_of(Action::get_account), 3U);
  cloud.calls.clear();
  EXPECT_FALSE(list_with(Action::get_account,
                         [&](const ReadCall&, int) {
                           AccountUsage usage = cloud.usage();
                           usage.namespaces[0].functions = 21;
                           return read_ok(usage);
                         })
                   .complete)
      << "its count alone";
}

TEST_F(ListingJobTest, GetAccountThatLagsBehindADeletionIsAskedAgain) {
  cloud.add_many("default", 20);
  const Listing listing = list_with(Action::get_account, [&](const ReadCall&, int asked) {
    AccountUsage usage = cloud.usage();
    if (asked == 1) usage.namespaces[0].names.push_back("deleted");
    return read_ok(usage);
  });
  EXPECT_TRUE(listing.complete);
  EXPECT_EQ(cloud.calls_of(Action::get_account), 2U);
  EXPECT_EQ(cloud.calls_of(Action::list_functions), 2U);
}

TEST_F(ListingJobTest, WhatGetAccountSaidStandsIfItDoesNotAnswerAgain) {
  cloud.add_many("default", 20);
  const Listing listing = list_with(Action::get_account, [&](const ReadCall&, int asked) {
    AccountUsage usage = cloud.usage();
    usage.namespaces[0].names.push_back("hidden");
    return asked == 1 ? read_ok(usage) : read_refused("InternalError");
  });
  EXPECT_FALSE(listing.complete);
}

TEST_F(ListingJobTest, WhatGetAccountDoesNotKnowYetSpeaksAgainstNothing) {
  cloud.add_many("default", 20);
  const Listing listing = list_with(Action::get_account, [&](const ReadCall&, int) {
    AccountUsage usage = cloud.usage();
    usage.namespaces[0].names.pop_back();
    usage.namespaces[0].functions = 19;
    return read_ok(usage);
  });
  EXPECT_TRUE(listing.complete);
  EXPECT_EQ(listing.functions.size(), 20U);
  EXPECT_EQ(cloud.calls_of(Action::list_functions), 2U) << "a difference is looked at twice";
}

TEST_F(ListingJobTest, ANamespaceThatGetAccountAloneKnowsIsRead) {
  cloud.add_many("a", 2);
  cloud.add_many("b", 2);
  const Listing listing = list_with(Action::list_namespaces, [](const ReadCall&, int) {
    return read_ok(NamespacePage{{"a"}, 1});
  });
  EXPECT_TRUE(listing.complete);
  EXPECT_EQ(listing.functions.size(), 4U);
}

TEST_F(ListingJobTest, ANamespaceThatVanishesInBetweenIsNotThere) {
  cloud.add_many("a", 2);
  cloud.add_many("b", 150);
  const Listing listing = list_with(Action::list_functions, [&](const ReadCall& call, int) {
    if (call.body.find("\"b\"") != std::string::npos) cloud.namespaces.erase("b");
    return std::nullopt;
  });
  EXPECT_TRUE(listing.complete) << listing.trouble.message;
  EXPECT_EQ(listing.namespaces, std::vector<std::string>{"a"});
  EXPECT_EQ(listing.functions.size(), 2U);
}

TEST_F(ListingJobTest, ANamespaceThatIsListedAndSaidNotToBeThereIsUnread) {
  cloud.add_many("a", 2);
  cloud.add_many("b", 2);
  const auto refuse = [](const ReadCall& call, int) -> std::optional<ReadAnswer> {
    if (call.body.find("\"b\"") == std::string::npos) return std::nullopt;
    return read_refused("ResourceNotFound.Namespace");
  };
  const Listing listing = list_with(Action::list_functions, refuse);
  EXPECT_FALSE(listing.complete);
  EXPECT_EQ(listing.unread, std::vector<std::string>{"b"});
  EXPECT_EQ(listing.trouble.code, "ResourceNotFound.Namespace");
  EXPECT_LE(cloud.calls.size(), 12U);
}

TEST_F(ListingJobTest, ANamespaceOfWhichItIsNotKnownWhetherItIsThereIsUnread) {
  cloud.add_many("a", 2);
  cloud.add_many("b", 2);
  bool refused = false;
  const Listing listing = list([&](const ReadCall& call) {
    if (call.action == Action::list_namespaces && refused) return read_refused("InternalError");
    if (call.action == Action::list_functions && call.body.find("\"a\"") != std::string::npos) {
      refused = true;
      return read_refused("ResourceNotFound.Namespace");
    }
    return cloud.answer(call);
  });
  EXPECT_FALSE(listing.complete);
  EXPECT_EQ(listing.unread, std::vector<std::string>{"a"});
  EXPECT_EQ(listing.namespaces, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(listing.functions.size(), 2U);
}

TEST_F(ListingJobTest, ANamespaceThatAppearsWhileAnotherVanishesIsRead) {
  cloud.add_many("a", 2);
  const Listing listing =
      list_with(Action::list_functions, [&](const ReadCall&, int asked) -> std::optional<ReadAnswer> {
        if (asked > 1) return std::nullopt;
        cloud.namespaces.clear();
        cloud.add_many("b", 3);
        return read_refused("ResourceNotFound.Namespace");
      });
  EXPECT_EQ(listing.namespaces, std::vector<std::string>{"b"});
  EXPECT_EQ(listing.functions.size(), 3U);
}

TEST_F(ListingJobTest, TwoFunctionIdsUnderOneNameMeanToReadAgainAndTheLaterOneCounts) {
  cloud.add_many("default", 3);
  FoundFunction old = cloud.namespaces["default"]["f10001"];
  cloud.add("default", "f10001");
  const std::string later = cloud.namespaces["default"]["f10001"].function_id;
  const auto both = [&](unsigned times) {
    return [&, times](const ReadCall&, int asked) -> std::optional<ReadAnswer> {
      if (static_cast<unsigned>(asked) > times) return std::nullopt;
      FunctionPage page;
      for (const auto& [name, function] : cloud.namespaces["default"]) page.functions.push_back(function);
      page.functions.insert(page.functions.begin(), old);
      page.total = 4;
      return read_ok(page);
    };
  };
  const Listing once = list_with(Action::list_functions, both(1));
  EXPECT_TRUE(once.complete) << once.trouble.message;
  ASSERT_EQ(once.functions.size(), 3U);
  EXPECT_EQ(once.functions[1].function_id, later);
  const Listing always = list_with(Action::list_functions, both(99));
  EXPECT_FALSE(always.complete);
  EXPECT_EQ(always.trouble.code, kMovedCode);
  ASSERT_EQ(always.functions.size(), 3U);
  EXPECT_EQ(always.functions[1].function_id, later);
}

/// What a cloud can say that is not so, page by page; none of it may pass for complete, or take calls without end.
TEST_F(ListingJobTest, AnswersThatCannotBeAreNeverCompleteAndAlwaysEnd) {
  struct Case {
    const char* name;
    const char* code;
    std::function<FunctionPage(FunctionPage, std::size_t offset, int asked)> change;
    bool slow = false;
  };
  const std::vector<Case> cases{
      {"the same page again and again", "Client.Moved",
       [&](FunctionPage page, std::size_t, int) {
         page.functions.clear();
         for (const auto& [name, function] : cloud.namespaces["default"]) page.functions.push_back(function);
         page.functions.resize(100);
         return page;
       }},
      {"a total that grows for ever, with functions made up on the way", "Client.TooMany",
       [](FunctionPage page, std::size_t offset, int) {
         page.functions.clear();
         for (std::size_t i = offset; i < offset + 100; ++i) {
           FoundFunction& function = page.functions.emplace_back();
           function.ns = "default";
           function.name = function.function_id = fmt::format("f{}", i);
         }
         page.total = static_cast<int64_t>(offset + 1000);
         return page;
       },
       true},
      {"a total beyond all bounds", "Client.TooMany",
       [](FunctionPage page, std::size_t, int) {
         page.total = INT64_MAX;
         return page;
       }},
      {"a negative total", "Client.Moved",
       [](FunctionPage page, std::size_t, int) {
         page.total = -1;
         return page;
       }},
      {"empty pages", "Client.Moved",
       [](FunctionPage page, std::size_t, int) {
         page.functions.clear();
         return page;
       }},
      {"a page that is empty in the middle", "Client.Moved",
       [](FunctionPage page, std::size_t offset, int) {
         if (offset > 0) page.functions.clear();
         return page;
       }},
      {"a function of another namespace", "Client.BadAnswer",
       [](FunctionPage page, std::size_t, int) {
         page.functions[5].ns = "other";
         return page;
       }},
      {"one FunctionId under two names", "Client.Moved",
       [](FunctionPage page, std::size_t, int) {
         page.functions[5].function_id = page.functions[6].function_id;
         return page;
       }},
      {"one entry twice on a page", "Client.Moved",
       [](FunctionPage page, std::size_t, int) {
         page.functions[5] = page.functions[6];
         return page;
       }},
      {"one too few on a page", "Client.Moved",
       [](FunctionPage page, std::size_t offset, int) {
         if (offset > 100) page.functions.pop_back();
         return page;
       }},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    cloud = {};
    cloud.add_many("default", 250);
    for (const bool denied : {false, true}) {
      if (denied && one.slow) continue;
      const Listing listing = list([&, asked = 0](const ReadCall& call) mutable {
        if (call.action == Action::get_account && denied) return read_refused("UnauthorizedOperation.CAM");
        ReadAnswer answer = cloud.answer(call);
        if (call.action != Action::list_functions) return answer;
        auto& page = std::get<FunctionPage>(answer.content);
        page = one.change(std::move(page), number_in(call, "Offset"), ++asked);
        return answer;
      });
      EXPECT_FALSE(listing.complete);
      EXPECT_EQ(listing.trouble.code, one.code);
      EXPECT_EQ(listing.unread, std::vector<std::string>{"default"});
      EXPECT_LT(listing.calls, 1'100U);
    }
  }
}

TEST_F(ListingJobTest, PagesThatAreShorterOrLongerThanAskedAreTaken) {
  cloud.add_many("default", 250);
  cloud.longest_page = 20;
  EXPECT_TRUE(list().complete);
  const Listing listing = list_with(Action::list_functions, [&](const ReadCall&, int) {
    FunctionPage page;
    for (const auto& [name, function] : cloud.namespaces["default"]) page.functions.push_back(function);
    page.total = 250;
    return read_ok(page);
  });
  EXPECT_TRUE(listing.complete);
  EXPECT_EQ(listing.functions.size(), 250U);
}

TEST_F(ListingJobTest, FunctionsWhoseNameIsNoPartOfAnAddressAreCountedAndNamed) {
  cloud.add_many("default", 3);
  const auto odd = [&](const ReadCall& call, int) {
    FunctionPage page = std::get<FunctionPage>(cloud.answer(call).content);
    page.unreadable = {"default/b d", "default/a\\u{a}"};
    page.total += 2;
    return read_ok(page);
  };
  const Listing listing = list_with(Action::list_functions, odd);
  EXPECT_TRUE(listing.complete) << listing.trouble.message;
  EXPECT_EQ(listing.functions.size(), 3U);
  EXPECT_EQ(listing.unreadable, (std::vector<std::string>{"default/a\\u{a}", "default/b d"}));
}

TEST_F(ListingJobTest, ManyNamespacesArePagedAndMayMove) {
  for (int i = 0; i < 230; ++i) cloud.add(fmt::format("ns{}", 1000 + i), "one");
  EXPECT_TRUE(list().complete);
  const Listing moved = list_with(Action::list_namespaces, [&](const ReadCall&, int asked) {
    if (asked == 1) cloud.add("ns0", "one");
    return std::nullopt;
  });
  EXPECT_TRUE(moved.complete) << moved.trouble.message;
  EXPECT_EQ(moved.namespaces.size(), 231U);
  const Listing never = list_with(Action::list_namespaces, [&](const ReadCall&, int asked) {
    cloud.add(fmt::format("a{}", asked), "one");
    return std::nullopt;
  });
  EXPECT_FALSE(never.complete);
  EXPECT_EQ(never.trouble.code, kMovedCode);
  EXPECT_GE(never.functions.size(), 231U);
}

TEST_F(ListingJobTest, AnAnswerOfAnotherKindIsABadAnswer) {
  cloud.add_many("default", 3);
  for (const Action action : {Action::list_namespaces, Action::list_functions}) {
    const Listing listing = list_with(action, [](const ReadCall&, int) { return read_ok(std::monostate()); });
    EXPECT_FALSE(listing.complete);
    EXPECT_EQ(listing.trouble.code, "Client.BadAnswer");
  }
}

TEST_F(ListingJobTest, AListingThatIsGivenUpIsNotComplete) {
  cloud.add_many("a", 250);
  cloud.add_many("b", 2);
  ListingJob job("prod", "ap-guangzhou", WallTime{});
  for (int i = 0; i < 3; ++i) job.take(cloud.answer(job.next().value()), WallTime{});
  const Listing listing = job.take_listing();
  EXPECT_FALSE(listing.complete);
  EXPECT_EQ(listing.trouble.code, kUnfinishedCode);
  EXPECT_EQ(listing.unread, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(listing.functions.size(), 100U);
}

/// Functions are created, deleted and created anew between the calls of a listing, as deployments do it.
TEST_F(ListingJobTest, NoListingOfACatalogueThatChangesIsCompleteWithoutAFunctionThatWasThereAllTheTime) {
  auto random = random_from(seed());
  const auto draw = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  int complete = 0, incomplete = 0;
  for (int round = 0; round < 300; ++round) {
    cloud = {};
    const std::vector<std::string> namespaces{"a", "b", "c"};
    for (const std::string& ns : namespaces) {
      const std::size_t count = draw(40);
      for (std::size_t i = 0; i < count; ++i) cloud.add(ns, fmt::format("f{}", draw(1000)));
    }
    cloud.longest_page = 5 + draw(12);
    auto stayed = cloud.namespaces;
    const bool account_denied = draw(2) == 0;
    const std::size_t one_in = 1 + draw(12), most = 1 + draw(12);
    AccountUsage lagging = cloud.usage();
    const Listing listing = list([&](const ReadCall& call) {
      if (draw(one_in) == 0) {
        const std::string ns = namespaces[draw(3)];
        auto& functions = cloud.namespaces[ns];
        for (std::size_t i = draw(most) + 1; i > 0; --i) {
          if (draw(2) == 0 && !functions.empty()) {
            const auto gone = std::next(functions.begin(), static_cast<std::ptrdiff_t>(draw(functions.size())));
            stayed[ns].erase(gone->first);
            functions.erase(gone);
          } else {
            const std::string name = fmt::format("f{}", draw(1000));
            if (!functions.contains(name)) cloud.add(ns, name);
          }
        }
      }
      if (call.action == Action::get_account) {
        if (account_denied) return read_refused("UnauthorizedOperation.CAM");
        if (draw(2) == 0) lagging = cloud.usage();
        return read_ok(lagging);
      }
      return cloud.answer(call);
    });
    (listing.complete ? complete : incomplete)++;
    if (!listing.complete) continue;
    const auto found = names(listing);
    const std::set<std::string> listed(found.begin(), found.end());
    for (const auto& [ns, functions] : stayed) {
      for (const auto& [name, function] : functions) EXPECT_TRUE(listed.contains(ns + "/" + name)) << round;
    }
  }
  EXPECT_GT(complete, 20) << "else this test shows nothing";
  EXPECT_GT(incomplete, 20) << "else nothing raced";
}

}  // namespace
}  // namespace codedriftd::test
