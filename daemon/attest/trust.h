#pragma once
/// Whether an attestation is to be believed, and for which function: [trust] of the configuration. Pure.
#include <string>
#include <string_view>
#include <vector>

#include "attest/keys.h"
#include "attest/statement.h"
#include "base/result.h"
#include "model/target.h"

namespace codedriftd {

/// One [trust.NAME].
struct TrustKey {
  std::string name;
  PublicKey key;
  std::vector<std::string> targets;  ///< patterns of addresses: what this key may attest
  std::string builder;               ///< a pattern that the provenance's builder has to match; empty: any, or none
  std::string source;                ///< the same of its source, with or without its @REF (attest/statement.h)
  std::string where;                 ///< "FILE:LINE" of the configuration
};

/// What was verified.
struct Attested {
  std::string key, key_id;        ///< the name of its [trust.NAME], and PublicKey::id()
  std::vector<Subject> subjects;  ///< those that are about the target, each with at least one digest; never empty
  std::string predicate_type, builder, source, commit;  ///< of the statement; see there
  std::string payload, signature;  ///< what was signed, and its good signature: to be verified again
};

/// Why an attestation was refused.
struct Refusal {
  enum class Why {
    unreadable,        ///< no envelope, or one of another type
    unknown_key,       ///< no signature by a key of [trust]
    broken_signature,  ///< a signature says that it is by such a key, and is not
    bad_statement,     ///< signed, and no statement that can be read
    other_target,      ///< the key may not attest this target
    other_builder,     ///< the builder does not match, or is not named
    other_source,
    no_subject  ///< nothing that it is about fits the target
  };
  Why why;
  std::string message;  ///< one sentence, harmless; names the setting or what to do
};

/// Looks at the signatures first and reads the statement only when one of them is good. A signature may be by any of
/// `keys`; what an envelope says about its keys only words a refusal. Of several keys that signed, the first in the
/// order of `keys` counts that may attest the target and whose patterns match.
///
/// Which subjects are about the target, of those with a digest that is known (statement.h):
/// 1. those whose name is the target's address, or else those whose name is its function: the whole name or its last
///    part after '/', with ".zip" behind it or not.
/// 2. If there are none, the only one, if it has no name: "" or "_".
/// So a statement cannot make one function's code pass for another's: who signs either names the function, or leaves it
/// open on purpose.
Result<Attested, Refusal> verify(std::string_view envelope, const std::vector<TrustKey>& keys, const Target& target);

}  // namespace codedriftd
