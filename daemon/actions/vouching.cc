#include "actions/vouching.h"

#include <fmt/format.h>

#include "base/sha256.h"

namespace codedriftd {
namespace {

/// The one value that the subjects give; nullopt: none, or several. `several` says which.
template <typename Value>
std::optional<Value> only_one(const std::vector<Subject>& subjects, std::optional<Value> Subject::*member,
                              bool& several) {
  std::optional<Value> found;
  for (const Subject& subject : subjects) {
    if (!(subject.*member)) continue;
    if (found && found != subject.*member) {
      several = true;
      return std::nullopt;
    }
    found = subject.*member;
  }
  return found;
}

}  // namespace

Vouched vouch(const std::string& attestation, const Trust* trust, const Target& target, const Caller& caller) {
  Vouched vouched;
  const Result<Attested, Refusal> verified =
      verify(attestation, trust != nullptr ? trust->keys : std::vector<TrustKey>{}, target);
  if (!verified) {
    vouched.objection = "the attestation does not count: " + verified.error().message;
    return vouched;
  }
  bool several = false;
  vouched.content = only_one(verified->subjects, &Subject::content, several);
  // Where a content is told, a hash beside it is that of what was uploaded, which is never live.
  if (!vouched.content && !several) vouched.sha256 = only_one(verified->subjects, &Subject::sha256, several);
  if (several) {
    vouched.objection =
        fmt::format("the attestation does not count: it names several things as {}, so which is meant cannot be told",
                    target.function);
    return vouched;
  }
  vouched.said = Attestation{verified->key,     verified->key_id, sha256(verified->payload), verified->predicate_type,
                             verified->builder, verified->source, verified->commit,          caller.actor};
  vouched.statement = {verified->payload, verified->signature};
  return vouched;
}

std::string needs_attestation(const Trust* trust, const Target& target) {
  if (trust == nullptr || !trust->attested_only.contains(target.address())) return {};
  return "require = \"attested\" in the configuration: nothing is accepted for it without an --attestation by a key of "
         "[trust]";
}

}  // namespace codedriftd
