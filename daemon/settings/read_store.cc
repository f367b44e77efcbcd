#include <fmt/format.h>

#include <algorithm>

#include "settings/readers.h"

namespace codedriftd {
namespace {

template <typename T>
void take(T& setting, std::optional<T> value) {
  if (value) setting = std::move(*value);
}

bool on_socket(const ServerUrl& server) { return server.hosts.front().socket(); }

/// Why TLS cannot be what `tls` says, or had better not be.
void check_tls(const Section& section, const StoreSettings& store) {
  if (on_socket(*store.server)) {
    for (const char* key : {"tls", "ca_file", "certificate", "key"}) {
      if (!section.has(key) || (std::string_view(key) == "tls" && store.tls == "disable")) continue;
      section.mistake(
          section.place(key),
          fmt::format("'{}' means nothing where 'url' names a Unix socket, which has no TLS; remove it", key));
    }
    return;
  }
  if (store.tls == "require" && store.ca_file.empty()) {
    section.mistakes().warn(
        section.place("tls"),
        "'tls' is \"require\": what is sent is encrypted, but nobody looks whose the server is; say "
        "\"verify-full\", and name its authority's certificate with 'ca_file'");
  }
  if (store.tls != "disable") return;
  for (const char* key : {"ca_file", "certificate", "key"}) {
    if (section.has(key))
      section.mistake(section.place(key),
                      fmt::format("'{}' means nothing with tls = \"disable\"; remove one of the two", key));
  }
  const auto& hosts = store.server->hosts;
  const auto other = std::find_if(hosts.begin(), hosts.end(), [](const auto& host) { return !host.here; });
  if (other == hosts.end()) {
    section.mistakes().warn(section.place("tls"),
                            "'tls' is \"disable\": everybody who may listen on this machine's loopback sees what is "
                            "sent; a Unix socket, \"postgresql:///run/postgresql/DATABASE\", needs no TLS");
  } else {
    section.mistake(
        section.place("tls"),
        fmt::format("'tls' is \"disable\", and \"{}\" is another machine: the record would cross the network "
                    "in plain text; leave it out, which is \"verify-full\"",
                    other->name));
  }
}

void check_keys(const Section& section, const StoreSettings& store) {
  if (store.fleet.empty() && !section.has("fleet"))
    section.mistake(
        section.place("url"),
        "'url' without 'fleet': name what all daemons with this record together are called, such as fleet = "
        "\"prod\"");
  if (section.has("reader_password_file") && !section.has("reader"))
    section.mistake(section.place("reader_password_file"),
                    "'reader_password_file' without 'reader': name the role whose password it is, such as reader = "
                    "\"codedriftd_reader\"");
  if (section.has("certificate") != section.has("key"))
    section.mistake(section.place(section.has("key") ? "key" : "certificate"),
                    section.has("key") ? "'key' without 'certificate': name the file of its certificate"
                                       : "'certificate' without 'key': name the file of its private key");
  check_tls(section, store);
}

/// A folder of one host cannot hold the packages of a record that several write: another one would take what it says is
/// kept, and not have it.
void check_packages(const Document& document, const Settings& settings, Mistakes& mistakes) {
  if (settings.packages.keep != PackageSettings::Keep::files) return;
  mistakes.add(place_of(*document.table["packages"]["keep"].node(), document.name),
               "'keep' is \"files\", which keeps packages in state_dir of this host alone, and [store] 'url' names a "
               "record that several hosts write to; set keep = \"manifest\"");
}

}  // namespace

void read_store(const Document& document, Settings& settings, Mistakes& mistakes) {
  const toml::table* table = table_at_top(document, "store", mistakes);
  if (table == nullptr) return;
  const Section section(*table, kStoreKeys, document.name, mistakes);
  StoreSettings& store = settings.store;
  const std::optional<std::string> url = section.text("url", kServerUrl);
  take(store.user, section.text("user", kRoleName));
  take(store.password_file, section.text("password_file", kAnyPath));
  take(store.reader, section.text("reader", kRoleName));
  take(store.reader_password_file, section.text("reader_password_file", kAnyPath));
  const std::optional<std::size_t> tls = section.choice("tls", kStoreTls);
  if (tls) store.tls = kStoreTls[*tls];
  take(store.ca_file, section.text("ca_file", kAbsolutePath));
  take(store.certificate, section.text("certificate", kAnyPath));
  take(store.key, section.text("key", kAnyPath));
  take(store.fleet, section.text("fleet", kFleet));
  for (const std::string_view key : kStoreKeys.keys) {
    settings.places[fmt::format("store.{}", key)] = section.place(key);
    if (key != "url" && section.has(key) && (url ? url->empty() : !section.has("url")))
      section.mistake(
          section.place(key),
          fmt::format("'{}' means nothing without 'url', as the record is the file in state_dir; remove it, "
                      "or set url = \"postgresql://HOST/DATABASE\"",
                      key));
  }
  if (!url || url->empty()) return;
  store.url = *url;
  store.server = *parse_server_url(*url);
  check_packages(document, settings, mistakes);
  if (section.has("tls") && !tls) return;  // what belongs to it cannot be told
  check_keys(section, store);
}

}  // namespace codedriftd
