#include "attest/trust.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "attest/envelope.h"
#include "attest/strict_json.h"
#include "base/text.h"

namespace codedriftd {
namespace {

using Why = Refusal::Why;

Refusal refused(Why why, std::string message) { return {why, harmless(message)}; }

struct Signer {
  const TrustKey* trusted;
  const std::string* signature;
};

std::vector<Signer> signers(const Envelope& envelope, const std::vector<TrustKey>& keys) {
  const std::string message = pre_authentication_encoding(kInTotoType, envelope.payload);
  std::vector<Signer> found;
  for (const TrustKey& trusted : keys) {
    const auto good =
        std::find_if(envelope.signatures.begin(), envelope.signatures.end(),
                     [&](const EnvelopeSignature& each) { return trusted.key.verify(message, each.bytes); });
    if (good != envelope.signatures.end()) found.push_back({&trusted, &good->bytes});
  }
  return found;
}

Refusal no_good_signature(const Envelope& envelope, const std::vector<TrustKey>& keys) {
  if (keys.empty()) return refused(Why::unknown_key, "no key is trusted; add a [trust.NAME] with its public_key_file");
  for (const TrustKey& trusted : keys) {
    for (const EnvelopeSignature& signature : envelope.signatures) {
      if (signature.keyid != trusted.name && signature.keyid != trusted.key.id()) continue;
      return refused(Why::broken_signature,
                     fmt::format("a signature says it is by the key of [trust.{}], but it is not: the attestation was "
                                 "changed, or signed with another key",
                                 trusted.name));
    }
  }
  return refused(Why::unknown_key, "it is signed by no key of [trust], or was changed after it was signed");
}

/// A path that a server would read as another one: what a pattern says of its beginning means nothing then.
bool climbs(std::string_view source) {
  std::string lower(source);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  const auto has = [&](std::string_view part) { return lower.find(part) != lower.npos; };
  return has("/..") || has("%2e") || has("%2f") || has("%5c") || has("\\");
}

/// The URL by the pattern's part before its @REF, the ref by the part behind it, if it has one: a branch may have any
/// name, one that ends like the pattern too.
bool source_matches(std::string_view pattern, std::string_view source) {
  const std::string_view url = without_ref(source), wanted = without_ref(pattern);
  return !climbs(source) && glob_match(wanted, url) &&
         (wanted.size() == pattern.size() || glob_match(pattern.substr(wanted.size()), source.substr(url.size())));
}

/// Why this key, which signed it, does not make it count for the target; nullopt: it does.
std::optional<Refusal> objection(const TrustKey& trusted, const Statement& statement, const std::string& address) {
  if (std::none_of(trusted.targets.begin(), trusted.targets.end(),
                   [&](const std::string& glob) { return glob_match(glob, address); })) {
    return refused(Why::other_target, fmt::format("the key of [trust.{}] ({}) may attest \"{}\", not {}", trusted.name,
                                                  trusted.where, fmt::join(trusted.targets, "\", \""), address));
  }
  const auto mismatch = [&](Why why, std::string_view word, const std::string& pattern, const std::string& said) {
    return refused(why, fmt::format("its {} {}; [trust.{}] ({}) wants {} = {}", word,
                                    said.empty() ? std::string("is not told (SLSA provenance v1 does, as one)")
                                                 : fmt::format("is {}", quote_foreign(said)),
                                    trusted.name, trusted.where, word, quote_foreign(pattern)));
  };
  if (!trusted.builder.empty() && !glob_match(trusted.builder, statement.builder))
    return mismatch(Why::other_builder, "builder", trusted.builder, statement.builder);
  if (!trusted.source.empty() && (statement.source.empty() || !source_matches(trusted.source, statement.source)))
    return mismatch(Why::other_source, "source", trusted.source, statement.source);
  return std::nullopt;
}

bool named_after(std::string_view name, const std::string& function) {
  name.remove_prefix(name.rfind('/') + 1);  // npos + 1 is 0
  return name == function || (name.ends_with(".zip") && name.substr(0, name.size() - 4) == function);
}

std::vector<Subject> subjects_about(const Target& target, const std::vector<Subject>& all) {
  std::vector<Subject> known, by_address, by_name;
  const std::string address = target.address();
  for (const Subject& subject : all) {
    if (!subject.content && !subject.sha256) continue;
    known.push_back(subject);
    if (subject.name == address) {
      by_address.push_back(subject);
    } else if (!Target::parse(subject.name) && named_after(subject.name, target.function)) {
      by_name.push_back(subject);
    }
  }
  if (!by_address.empty()) return by_address;
  if (!by_name.empty()) return by_name;
  if (known.size() == 1 && (known.front().name.empty() || known.front().name == "_")) return known;
  return {};
}

Refusal no_subject(const Target& target, const std::vector<Subject>& all) {
  const bool any =
      std::any_of(all.begin(), all.end(), [](const Subject& subject) { return subject.content || subject.sha256; });
  if (!any) return refused(Why::no_subject, "none of its subjects has a digest dirHash1 or sha256");
  if (all.size() == 1)
    return refused(Why::no_subject, fmt::format("its subject is named {}, not \"{}\" or \"{}\"",
                                                quote_foreign(all.front().name), target.function, target.address()));
  return refused(Why::no_subject,
                 fmt::format("none of its {} subjects is named \"{}\" or \"{}\"; the first is {}", all.size(),
                             target.function, target.address(), quote_foreign(all.front().name)));
}

}  // namespace

Result<Attested, Refusal> verify(std::string_view envelope, const std::vector<TrustKey>& keys, const Target& target) {
  const Result<Envelope> read = read_envelope(envelope);
  if (!read) return refused(Why::unreadable, read.error().message);
  const std::vector<Signer> signed_by = signers(*read, keys);
  if (signed_by.empty()) return no_good_signature(*read, keys);
  Result<Statement> statement = read_statement(read->payload);
  if (!statement) return refused(Why::bad_statement, statement.error().message);

  const std::string address = target.address();
  std::optional<Refusal> first;
  for (const auto& [trusted, signature] : signed_by) {
    if (std::optional<Refusal> against = objection(*trusted, *statement, address)) {
      // A key that is for this target says more about what is wrong than one that is not.
      if (!first || (first->why == Why::other_target && against->why != Why::other_target)) first = std::move(against);
      continue;
    }
    std::vector<Subject> subjects = subjects_about(target, statement->subjects);
    if (subjects.empty()) return no_subject(target, statement->subjects);
    return Attested{trusted->name,      trusted->key.id(), std::move(subjects), statement->predicate_type,
                    statement->builder, statement->source, statement->commit,   read->payload,
                    *signature};
  }
  return *std::move(first);
}

}  // namespace codedriftd
