#include "model/change_kind.h"

#include <gtest/gtest.h>

#include <string>

#include "model/kinds.h"

namespace codedriftd {
namespace {

TEST(ChangeKinds, AreWhatTheEventSaysOfWhatIsLookedAt) {
  using enum ChangeKind;
  const struct {
    const char* qualifier;
    ChangeKind changed, gone, there;
  } cases[] = {
      {"$LATEST", code, missing, made},
      {"$IMAGE", code, missing, made},
      {"$LAYERS", layers, missing, made},
      {"12", version_code, version_missing, version_made},
      {"$ALIAS.live", alias, alias_missing, alias_made},
      {"live", alias_code, alias_missing, alias_made},
      {"v2", alias_code, alias_missing, alias_made},
      {"$DEFAULT", alias_code, alias_missing, alias_made},
  };
  for (const auto& c : cases) {
    for (const char* kind : {"drift.detected", "drift.changed", "layer.changed", "alias.moved"})
      EXPECT_EQ(change_kind(kind, c.qualifier), c.changed) << kind << c.qualifier;
    EXPECT_EQ(change_kind("function.missing", c.qualifier), c.gone) << c.qualifier;
    EXPECT_EQ(change_kind("function.returned", c.qualifier), c.there) << c.qualifier;
    EXPECT_EQ(change_kind("function.recreated", c.qualifier), recreated) << c.qualifier;
    EXPECT_EQ(change_kind("function.touched", c.qualifier), touched) << c.qualifier;
    for (const char* kind : {"drift.resolved", "deploy.arrived", "baseline.set", "function.unmanaged", ""})
      EXPECT_FALSE(change_kind(kind, c.qualifier)) << kind;
  }
  EXPECT_EQ(change_kind("function.discovered", "$LATEST"), made);
}

constexpr ChangeKind kAllKinds[] = {
    ChangeKind::code,   ChangeKind::version_code, ChangeKind::alias_code,      ChangeKind::layers,
    ChangeKind::alias,  ChangeKind::missing,      ChangeKind::version_missing, ChangeKind::alias_missing,
    ChangeKind::made,   ChangeKind::version_made, ChangeKind::alias_made,      ChangeKind::recreated,
    ChangeKind::touched};

/// One letter for each of kAllKinds: what part a call has in it (`M`akes, `h`elps, `.`).
std::string parts_of(std::string_view action) {
  std::string letters;
  for (const ChangeKind kind : kAllKinds) {
    const Part part = part_in(kind, action);
    letters += part == Part::makes ? 'M' : part == Part::helps ? 'h' : '.';
  }
  return letters;
}

TEST(ChangeKinds, EachCallHasItsPartInSomeOfThem) {
  const struct {
    const char* action;
    const char* parts;
  } cases[] = {
      // code, of a version, of an alias; layers, alias; gone: function, version, alias; there: the same; another;
      // touched
      {"CreateFunction",
       "MhM"
       "MM"
       "..."
       "MhM"
       "MM"},
      {"CopyFunction",
       "MhM"
       "MM"
       ".MM"
       "MhM"
       "MM"},
      {"UpdateFunctionCode",
       "MMM"
       ".."
       "..."
       ".M."
       ".M"},
      {"UpdateFunctionIncrementalCode",
       "M.M"
       ".."
       "..."
       "..."
       ".M"},
      {"UpdateFunctionConfiguration",
       ".M."
       "M."
       "..."
       ".M."
       ".M"},
      {"DeleteFunction",
       "hhh"
       "hh"
       "MMM"
       "..."
       "hh"},
      {"PublishVersion",
       ".M."
       ".."
       "..."
       ".M."
       ".M"},
      {"DeleteFunctionVersion",
       ".h."
       ".."
       ".M."
       "..."
       ".M"},
      {"CreateAlias",
       "..M"
       ".M"
       "..."
       "..M"
       ".M"},
      {"UpdateAlias",
       "..M"
       ".M"
       "..."
       "..."
       ".M"},
      {"DeleteAlias",
       "..h"
       ".h"
       "..M"
       "..."
       ".M"},
      {"PublishLayerVersion", "............."},
      {"CreateTrigger", "............."},
      {"GetFunction", "............."},
      {"Invoke", "............."},
      {"", "............."},
  };
  for (const auto& c : cases) EXPECT_EQ(parts_of(c.action), c.parts) << c.action;
}

TEST(ChangeKinds, WhatHasAPartInOneIsAskedFor) {
  EXPECT_EQ(actions_of(ChangeKind::code),
            (std::vector<std::string_view>{"CreateFunction", "CopyFunction", "UpdateFunctionCode",
                                           "UpdateFunctionIncrementalCode", "DeleteFunction"}));
  EXPECT_EQ(actions_of(ChangeKind::missing), (std::vector<std::string_view>{"DeleteFunction"}));
  EXPECT_EQ(actions_of(ChangeKind::touched).size(), 11U);
}

}  // namespace
}  // namespace codedriftd
