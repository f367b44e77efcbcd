#include "attest/load_trust.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/text.h"

namespace codedriftd {

LoadedTrust load_trust(const Settings& settings) {
  LoadedTrust loaded;
  for (const TrustSettings& trust : settings.trust) {
    Result<PublicKey> key = PublicKey::load(trust.public_key_file);
    if (key) {
      loaded.keys.push_back(
          {trust.name, std::move(key).value(), trust.targets, trust.builder, trust.source, trust.where});
      continue;
    }
    const std::string& message = key.error().message;
    const auto place = settings.places.find("trust." + trust.name + ".public_key_file");
    (message.find(std::strerror(EACCES)) == message.npos ? loaded.mistakes : loaded.forbidden)
        .push_back({place == settings.places.end() ? Place{settings.file, 0, 0} : place->second,
                    harmless("'public_key_file': " + message)});
  }
  return loaded;
}

std::set<std::string> attested_only(const Settings& settings) {
  std::set<std::string> addresses;
  for (const WatchSettings& watch : settings.watches) {
    if (watch.require == Require::attested) addresses.insert(watch.target.address());
  }
  return addresses;
}

std::shared_ptr<const Trust> trust_of(const Settings& settings) {
  LoadedTrust loaded = load_trust(settings);
  for (const auto* list : {&loaded.mistakes, &loaded.forbidden}) {
    for (const Mistake& mistake : *list)
      log(LogLevel::warning, "config.warning", fmt::format("{}: {}", mistake.place.text(), mistake.message));
  }
  auto trust = std::make_shared<Trust>();
  trust->keys = std::move(loaded.keys);
  trust->attested_only = attested_only(settings);
  return trust;
}

}  // namespace codedriftd
