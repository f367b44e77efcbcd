// In-toto statements, and what SLSA provenance says of where something comes from.
#include "attest/statement.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "support/test_signer.h"

namespace codedriftd {
namespace {

using test::provenance;
using test::statement_about;

const std::string kCommit(40, 'c');

std::string mistake_of(const Json& statement) {
  const auto read = read_statement(statement.dump());
  return read ? "taken" : read.error().message;
}

Statement good_statement(const Json& json) {
  auto read = read_statement(json.dump());
  if (!read) throw std::runtime_error(read.error().message);
  return std::move(read).value();
}

TEST(Statement, HasSubjectsWithTheirDigests) {
  Json json = statement_about("charge", 'a');
  json["subject"].push_back({{"name", "charge.zip"}, {"digest", {{"sha256", std::string(64, 'B')}, {"sha512", "no"}}}});
  json["subject"].push_back({{"digest", {{"gitCommit", kCommit}}}});
  json["subject"].push_back({{"name", 7}, {"digest", Json::object()}});
  const Statement statement = good_statement(json);
  ASSERT_EQ(statement.subjects.size(), 4U);
  EXPECT_EQ(statement.subjects[0],
            (Subject{"charge", ContentDigest{Sha256::from_hex(std::string(64, 'a')).value()}, {}}));
  EXPECT_EQ(statement.subjects[1], (Subject{"charge.zip", {}, Sha256::from_hex(std::string(64, 'b'))}));
  EXPECT_EQ(statement.subjects[2], Subject{}) << "a digest that is not known is ignored";
  EXPECT_EQ(statement.subjects[3], Subject{});
  EXPECT_EQ(statement.predicate_type, "https://example.com/tested/v1");
  EXPECT_EQ(statement.builder + statement.source + statement.commit, "") << "other predicates are not looked at";
}

TEST(Statement, ReadsTheDirHashOfInTotosOwnExample) {
  Json json = statement_about();
  json["subject"][0]["digest"]["dirHash1"] = "2a1bb6127fb481c60f67692e22285fb306f3c6ffe62075e0ccf674d7c3adcb8f";
  const Statement statement = good_statement(json);
  EXPECT_EQ(statement.subjects.at(0).content.value().text(), "h1:Khu2En+0gcYPZ2kuIihfswbzxv/mIHXgzPZ018Oty48=");
}

TEST(Statement, OfHundredsOfSubjectsIsReadWhole) {
  Json json = statement_about();
  json["subject"].clear();
  for (int i = 0; i < 5000; ++i)
    json["subject"].push_back(
        {{"name", "f" + std::to_string(i)}, {"digest", {{"dirHash1", sha256(std::to_string(i)).hex()}}}});
  const Statement statement = good_statement(json);
  ASSERT_EQ(statement.subjects.size(), 5000U);
  EXPECT_EQ(statement.subjects[4999].name, "f4999");
  EXPECT_EQ(statement.subjects[4999].content->sha256, sha256("4999"));
}

TEST(Statement, IsRefusedInWordsThatSayWhy) {
  const auto with = [](const std::string& pointer, const Json& value) {
    Json json = statement_about();
    json[Json::json_pointer(pointer)] = value;
    return json;
  };
  const auto without = [](const char* name) {
    Json json = statement_about();
    json.erase(name);
    return json;
  };
  const std::vector<std::pair<Json, std::string>> cases{
      {Json::array(), "the statement is JSON, but no object"},
      {with("/_type", "https://in-toto.io/Statement/v0.1"),
       "the statement has the _type \"https://in-toto.io/Statement/v0.1\"; only \"https://in-toto.io/Statement/v1\" "
       "is"},
      {without("_type"), "the statement has the _type \"\""},
      {without("subject"), "the statement has no list 'subject'"},
      {with("/subject", Json::array()), "the statement has no subject"},
      {with("/subject/0", "x"), "the statement has no 'digest' in subject 1"},
      {with("/subject/0/digest", Json::array()), "the statement has no 'digest' in subject 1"},
      {with("/subject/0/digest/dirHash1", std::string(63, 'a')),
       "the statement has in subject 1 a dirHash1 of \"" + std::string(63, 'a') + "\"; it must be 64 hex digits"},
      {with("/subject/0/digest/dirHash1", nullptr), "the statement has in subject 1 a dirHash1 of \"\""},
      {with("/subject/0/digest/dirHash1", "h1:Khu2En+0gcYPZ2kuIihfswbzxv/mIHXgzPZ018Oty48="),
       "the statement has in subject 1 a dirHash1 of \"h1:Khu2En+0gcYPZ2kuIihfswbzxv/mIHXgzPZ018Oty48=\"; it must be "
       "64 "
       "hex digits, as `codedriftd digest --hex` writes them"},
      {with("/subject/0/digest/sha256", "sha256:" + std::string(64, 'a')),
       "the statement has in subject 1 a sha256 of"},
      {without("predicateType"), "the statement has no 'predicateType'"},
      {with("/predicateType", 1), "the statement has no 'predicateType'"},
  };
  for (const auto& [json, expected] : cases) {
    const std::string mistake = mistake_of(json);
    EXPECT_TRUE(mistake.starts_with(expected)) << json.dump() << "\n" << mistake;
  }
  EXPECT_EQ(mistake_of(without("predicate")), "taken");
}

TEST(Statement, WithANameTwiceIsRefusedAtEveryLevel) {
  const std::string text = provenance("https://ci.example.com/1", "https://git.example.com/shop/pay").dump();
  ASSERT_TRUE(read_statement(text));
  for (const char* name :
       {"_type", "subject", "predicateType", "digest", "dirHash1", "name", "buildDefinition", "workflow", "repository",
        "resolvedDependencies", "uri", "gitCommit", "runDetails", "builder", "id"}) {
    const std::string quoted = "\"" + std::string(name) + "\":";
    std::string twice = text;
    twice.insert(text.find(quoted), quoted + "0,");
    const auto read = read_statement(twice);
    ASSERT_FALSE(read) << name;
    EXPECT_NE(read.error().message.find("\"" + std::string(name) + "\" twice"), std::string::npos)
        << read.error().message;
  }
}

TEST(Provenance, SaysBuilderSourceAndCommit) {
  const Statement statement =
      good_statement(provenance("https://ci.example.com/1", "https://git.example.com/shop/pay"));
  EXPECT_EQ(statement.builder, "https://ci.example.com/1");
  EXPECT_EQ(statement.source, "git+https://git.example.com/shop/pay@refs/heads/main");
  EXPECT_EQ(statement.commit, kCommit);
}

TEST(Provenance, TakesTheSourceByTheRuleOfTheHeader) {
  struct Case {
    const char* what;
    Json definition;
    std::string source, commit;
  };
  const auto dependency = [](const std::string& uri, const Json& digest) {
    return Json{{"uri", uri}, {"digest", digest}};
  };
  const auto workflow = [](const Json& members) { return Json{{"workflow", members}}; };
  const std::string url = "git+https://git.example.com/a";
  const std::string other(40, 'd');
  const std::vector<Case> cases{
      {"nothing", Json::object(), "", ""},
      {"a workflow without dependencies",
       {{"externalParameters", workflow({{"repository", "https://h/a"}})}},
       "git+https://h/a",
       ""},
      {"a workflow that has git+ already",
       {{"externalParameters", workflow({{"repository", "git+https://h/a"}, {"ref", "v1"}})}},
       "git+https://h/a@v1",
       ""},
      {"a workflow before any dependency",
       {{"externalParameters", workflow({{"repository", "https://git.example.com/a"}})},
        {"resolvedDependencies",
         {dependency("git+https://git.example.com/b@main", {{"gitCommit", other}}),
          dependency(url + "@main", {{"gitCommit", kCommit}})}}},
       url,
       kCommit},
      {"one git dependency among others",
       {{"resolvedDependencies",
         {dependency("pkg:npm/left-pad@1", {{"sha256", "x"}}), dependency(url + "@main", {{"sha1", kCommit}})}}},
       url + "@main",
       kCommit},
      {"the same dependency twice",
       {{"resolvedDependencies",
         {dependency(url, {{"gitCommit", kCommit}}), dependency(url, {{"gitCommit", kCommit}})}}},
       url,
       kCommit},
      {"the same dependency at two commits",
       {{"resolvedDependencies", {dependency(url, {{"gitCommit", kCommit}}), dependency(url, {{"gitCommit", other}})}}},
       url,
       ""},
      {"two git dependencies",
       {{"resolvedDependencies",
         {dependency(url, {{"gitCommit", kCommit}}), dependency(url + "b", {{"gitCommit", other}})}}},
       "",
       ""},
      {"a commit that is none", {{"resolvedDependencies", {dependency(url, {{"gitCommit", "main"}})}}}, url, ""},
      {"members of other types",
       {{"externalParameters", workflow({{"repository", 1}})}, {"resolvedDependencies", {1, {{"uri", 2}}, "x"}}},
       "",
       ""},
      {"a list that is none", {{"externalParameters", "x"}, {"resolvedDependencies", "x"}}, "", ""},
  };
  for (const Case& c : cases) {
    Json json = provenance("b", "https://x/y");
    json["predicate"]["buildDefinition"] = c.definition;
    const Statement statement = good_statement(json);
    EXPECT_EQ(statement.source, c.source) << c.what;
    EXPECT_EQ(statement.commit, c.commit) << c.what;
  }
}

TEST(Provenance, WithoutItsPartsSaysNothing) {
  for (const Json& predicate : {Json(), Json(1), Json::object(), Json{{"runDetails", {{"builder", "x"}}}}}) {
    Json json = provenance("b", "https://x/y");
    json["predicate"] = predicate;
    const Statement statement = good_statement(json);
    EXPECT_EQ(statement.builder + statement.source + statement.commit, "") << predicate.dump();
  }
}

TEST(Provenance, OfALongBuilderIsRefusedAndNotCut) {
  EXPECT_EQ(mistake_of(provenance(std::string(1000, 'b'), "https://x/y")), "taken");
  EXPECT_EQ(mistake_of(provenance(std::string(1001, 'b'), "https://x/y")).substr(0, 40),
            "the statement names a builder of more th");
  EXPECT_EQ(mistake_of(provenance("b", "https://x/" + std::string(1000, 'y'))).substr(0, 40),
            "the statement names a source of more tha");
}

TEST(Source, IsCutAtItsRefAndNotAtAUsersName) {
  EXPECT_EQ(without_ref("git+https://h/a@refs/heads/main"), "git+https://h/a");
  EXPECT_EQ(without_ref("git+https://h/a"), "git+https://h/a");
  EXPECT_EQ(without_ref("git+ssh://git@h/a@v1"), "git+ssh://git@h/a");
  EXPECT_EQ(without_ref("git+ssh://git@h/a"), "git+ssh://git@h/a");
  EXPECT_EQ(without_ref("git+https://h"), "git+https://h");
  EXPECT_EQ(without_ref(""), "");
}

}  // namespace
}  // namespace codedriftd
