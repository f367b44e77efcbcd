#include "attest/statement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "attest/strict_json.h"
#include "base/text.h"

namespace codedriftd {
namespace {

using Object = simdjson::dom::object;

constexpr std::size_t kLongestText = 1000;

Error bad_statement(std::string_view what) { return Error{fmt::format("the statement {}", what)}; }

/// A digest that is there has to be one: a subject that means something else than it seems to is nobody's.
Result<std::optional<Sha256>> read_digest(const Object& digests, std::string_view name, std::size_t number) {
  if (!has_member(digests, name)) return std::optional<Sha256>();
  const std::string_view text = text_in(digests, name);
  if (const std::optional<Sha256> digest = Sha256::from_hex(text)) return std::optional(*digest);
  return bad_statement(fmt::format("has in subject {} a {} of {}; it must be 64 hex digits{}", number, name,
                                   quote_foreign(text),
                                   text.starts_with("h1:") ? ", as `codedriftd digest --hex` writes them" : ""));
}

Result<Subject> read_subject(const simdjson::dom::element& element, std::size_t number) {
  Object object, digests;
  if (element.get_object().get(object) != simdjson::SUCCESS ||
      object["digest"].get_object().get(digests) != simdjson::SUCCESS)
    return bad_statement(fmt::format("has no 'digest' in subject {}", number));
  const Result<std::optional<Sha256>> content = read_digest(digests, "dirHash1", number);
  if (!content) return content.error();
  const Result<std::optional<Sha256>> package = read_digest(digests, "sha256", number);
  if (!package) return package.error();
  Subject subject{clean_utf8(text_in(object, "name"), kLongestText), {}, *package};
  if (*content) subject.content = ContentDigest{**content};
  return subject;
}

bool is_commit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

/// One source that was built from, of `resolvedDependencies`.
struct GitDependency {
  std::string_view uri, commit;
};

std::vector<GitDependency> git_dependencies(const MaybeObject& definition) {
  std::vector<GitDependency> found;
  simdjson::dom::array list;
  if (!definition || definition->at_key("resolvedDependencies").get_array().get(list) != simdjson::SUCCESS)
    return found;
  for (const simdjson::dom::element element : list) {
    Object dependency;
    if (element.get_object().get(dependency) != simdjson::SUCCESS) continue;
    const std::string_view uri = text_in(dependency, "uri");
    if (!uri.starts_with("git+")) continue;
    const MaybeObject digests = object_in(dependency, "digest");
    const std::string_view commit = text_in(digests, has_member(digests, "gitCommit") ? "gitCommit" : "sha1");
    found.push_back({uri, is_commit(commit) ? commit : std::string_view{}});
  }
  return found;
}

std::string source_of(const MaybeObject& definition, const std::vector<GitDependency>& dependencies) {
  const MaybeObject workflow = object_in(object_in(definition, "externalParameters"), "workflow");
  if (const std::string_view repository = text_in(workflow, "repository"); !repository.empty()) {
    const std::string_view ref = text_in(workflow, "ref");
    return fmt::format("{}{}{}{}", repository.starts_with("git+") ? "" : "git+", repository, ref.empty() ? "" : "@",
                       ref);
  }
  if (dependencies.empty()) return {};
  const bool one = std::all_of(dependencies.begin(), dependencies.end(),
                               [&](const GitDependency& other) { return other.uri == dependencies.front().uri; });
  return one ? std::string(dependencies.front().uri) : std::string();
}

std::string commit_of(std::string_view source, const std::vector<GitDependency>& dependencies) {
  std::string_view commit;
  for (const GitDependency& dependency : dependencies) {
    if (source.empty() || without_ref(dependency.uri) != without_ref(source)) continue;
    if (!commit.empty() && commit != dependency.commit) return {};
    commit = dependency.commit;
  }
  return std::string(commit);
}

/// Too long is refused and not cut: a pattern would be held against what is left of it.
Checked read_provenance(const MaybeObject& predicate, Statement& statement) {
  const MaybeObject definition = object_in(predicate, "buildDefinition");
  const std::vector<GitDependency> dependencies = git_dependencies(definition);
  statement.builder = text_in(object_in(object_in(predicate, "runDetails"), "builder"), "id");
  statement.source = source_of(definition, dependencies);
  statement.commit = commit_of(statement.source, dependencies);
  for (const std::string* text : {&statement.builder, &statement.source}) {
    if (text->size() > kLongestText || clean_utf8(*text, kLongestText) != *text)
      return bad_statement(fmt::format("names a {} of more than {} bytes, or one that is not UTF-8",
                                       text == &statement.builder ? "builder" : "source", kLongestText));
  }
  return Done{};
}

}  // namespace

Result<Statement> read_statement(std::string_view payload) {
  StrictJson json;
  const Result<Object> root = json.parse(payload);
  if (!root) return bad_statement(root.error().message);
  const std::string_view type = text_in(*root, "_type");
  if (type != kStatementType) {
    return bad_statement(
        fmt::format("has the _type {}; only {} is taken", quote_foreign(type), quote_foreign(kStatementType)));
  }
  Statement statement;
  simdjson::dom::array subjects;
  if (root->at_key("subject").get_array().get(subjects) != simdjson::SUCCESS)
    return bad_statement("has no list 'subject'");
  for (const simdjson::dom::element element : subjects) {
    Result<Subject> subject = read_subject(element, statement.subjects.size() + 1);
    if (!subject) return subject.error();
    statement.subjects.push_back(std::move(subject).value());
  }
  if (statement.subjects.empty()) return bad_statement("has no subject");
  statement.predicate_type = clean_utf8(text_in(*root, "predicateType"), kLongestText);
  if (statement.predicate_type.empty()) return bad_statement("has no 'predicateType'");
  if (statement.predicate_type == kProvenanceType) {
    if (Checked read = read_provenance(object_in(*root, "predicate"), statement); !read) return read.error();
  }
  return statement;
}

std::string_view without_ref(std::string_view source) {
  // An '@' before the path belongs to a user's name: git+ssh://git@host/path@refs/heads/main.
  const std::size_t host = source.find("://");
  const std::size_t path = source.find('/', host == source.npos ? 0 : host + 3);
  const std::size_t at = path == source.npos ? path : source.find('@', path);
  return at == source.npos ? source : source.substr(0, at);
}

}  // namespace codedriftd
