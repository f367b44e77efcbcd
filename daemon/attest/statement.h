#pragma once
/// In-toto Statements v1 (github.com/in-toto/attestation, spec/v1), and what SLSA provenance v1 says of where something
/// comes from. Nothing here is verified: see attest/trust.h.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "model/content.h"

namespace codedriftd {

inline constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
inline constexpr std::string_view kProvenanceType = "https://slsa.dev/provenance/v1";

/// One thing that a statement is about. Without either digest it is about nothing that could be live.
struct Subject {
  std::string name;  ///< what the signer calls it; may be empty. Clean text of at most 1000 characters
  std::optional<ContentDigest> content;  ///< of its digest `dirHash1`: 64 hex digits, as `codedriftd digest --hex`
  std::optional<Sha256> sha256;          ///< of its digest `sha256`: of a whole package

  friend bool operator==(const Subject&, const Subject&) = default;
};

/// All text is clean UTF-8. `builder`, `source` and `commit` are empty where the predicate does not say, which every
/// other predicate than kProvenanceType does not.
///
/// The source is taken from `buildDefinition`, in this order, and written as SPDX and SLSA do: git+URL, with @REF where
/// that is known.
/// 1. `externalParameters.workflow.repository` and `.ref`, as GitHub's builders write them: "git+" is put in front.
/// 2. The one `resolvedDependencies[].uri` that begins with "git+". Where several differ, no source is known: which of
///    them was built cannot be told.
/// The commit is `digest.gitCommit` (or `sha1`) of the dependency with the source's URL, where they do not disagree.
struct Statement {
  std::vector<Subject> subjects;  ///< never empty
  std::string predicate_type;     ///< at most 1000 characters
  std::string builder;            ///< `runDetails.builder.id`
  std::string source;
  std::string commit;  ///< 40 or 64 hex digits
};

/// The error is a sentence about "the statement". Every other _type is refused, v0.1 too.
Result<Statement> read_statement(std::string_view payload);

/// A source without its @REF.
std::string_view without_ref(std::string_view source);

}  // namespace codedriftd
