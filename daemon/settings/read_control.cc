#include "settings/readers.h"

namespace codedriftd {

ControlSettings::ControlSettings() {
  for (const std::string_view verb : kControlVerbs) {
    // What is in a package may be a secret; what was removed is gone.
    const bool root_only = verb == "approve" || verb == "drop" || verb == "diff" || verb == "prune";
    allowed.emplace(verb,
                    root_only ? std::vector<std::string>{"root"} : std::vector<std::string>{"root", "%codedriftd-ops"});
  }
}

void read_control(const Document& document, Settings& settings, Mistakes& mistakes) {
  const toml::table* table = table_at_top(document, "control", mistakes);
  if (table == nullptr) return;
  const Section control(*table, kControlKeys, document.name, mistakes);
  for (const std::string_view verb : kControlVerbs) {
    const auto names = control.texts(verb, kUserOrGroup, "write [\"root\"] for root alone");
    if (!names) continue;
    std::vector<std::string>& allowed = settings.control.allowed.find(verb)->second;
    allowed.clear();
    for (const PlacedText& name : *names) {
      allowed.push_back(name.text);
      settings.places.emplace("control." + name.text, name.place);
    }
  }
  // Who may hold alerts may end that too, unless the file says otherwise.
  if (control.has("suspend") && !control.has("resume"))
    settings.control.allowed.find("resume")->second = settings.control.allowed.find("suspend")->second;
}

}  // namespace codedriftd
