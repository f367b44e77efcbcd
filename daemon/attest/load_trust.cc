#include "attest/load_trust.h"

#include <cerrno>
#include <cstring>

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

}  // namespace codedriftd
