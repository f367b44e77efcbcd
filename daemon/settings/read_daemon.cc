#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "model/target.h"
#include "settings/readers.h"
#include "settings/urls.h"

namespace codedriftd {
namespace {

/// The host's name with every character that an instance may not have made a '-'.
std::string host_name() {
  std::array<char, 65> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return "localhost";
  std::string name(buffer.data());
  for (char& c : name) {
    if (c == '$' || !valid_part(std::string_view(&c, 1))) c = '-';
  }
  return name.empty() ? "localhost" : name;
}

constexpr uint64_t kMostFloor = uint64_t{1} << 50;

template <typename T>
void set(T& setting, std::optional<T> value) {
  if (value) setting = std::move(*value);
}

void read_http(const Section& section, Settings& settings) {
  HttpSettings& http = settings.http;
  set(http.listen, section.text("listen", kListen));
  set(http.token_file, section.text("token_file", kAnyPath));
  set(http.tls_certificate, section.text("tls_certificate", kAnyPath));
  set(http.tls_key, section.text("tls_key", kAnyPath));
  for (const char* key : {"listen", "token_file", "tls_certificate", "tls_key"})
    settings.places["http." + std::string(key)] = section.place(key);
  const bool certificate = section.has("tls_certificate"), key = section.has("tls_key");
  if (certificate != key) {
    section.mistake(section.place(certificate ? "tls_certificate" : "tls_key"),
                    certificate ? "'tls_certificate' without 'tls_key': name the file of its private key"
                                : "'tls_key' without 'tls_certificate': name the file of its certificate");
  }
  if (http.listen.empty() || listens_on_loopback(http.listen) || (section.has("token_file") && certificate)) return;
  section.mistake(section.place("listen"),
                  fmt::format("'listen' is \"{}\", where other machines can ask: that needs 'token_file', "
                              "'tls_certificate' and 'tls_key'; without them listen on \"127.0.0.1:PORT\"",
                              http.listen));
}

}  // namespace

const toml::table* table_at_top(const Document& document, std::string_view name, Mistakes& mistakes) {
  const toml::node* node = document.table.get(name);
  if (node == nullptr) return nullptr;
  if (const toml::table* table = node->as_table()) return table;
  const std::string right = name == "account" ? "a table for each account: [account.NAME]"
                            : name == "trust" ? "a table for each key: [trust.NAME]"
                                              : fmt::format("one table: [{}]", name);
  mistakes.add(place_of(*node, document.name), fmt::format("'{}' is {}; it must be {}", name, type_name(*node), right));
  return nullptr;
}

std::vector<const toml::table*> tables_at_top(const Document& document, std::string_view name, Mistakes& mistakes) {
  const toml::node* node = document.table.get(name);
  if (node == nullptr) return {};
  std::vector<const toml::table*> tables;
  const auto wrong = [&](const toml::node& found) {
    mistakes.add(place_of(found, document.name),
                 fmt::format("'{0}' is {1}; it must be a list of tables: [[{0}]] for each", name, type_name(found)));
  };
  const toml::array* list = node->as_array();
  if (list == nullptr) {
    wrong(*node);
    return {};
  }
  for (const toml::node& element : *list) {
    if (const toml::table* table = element.as_table()) {
      tables.push_back(table);
    } else {
      wrong(element);
    }
  }
  return tables;
}

void read_daemon(const Document& document, Settings& settings, Mistakes& mistakes) {
  if (const toml::table* table = table_at_top(document, "daemon", mistakes)) {
    const Section daemon(*table, kDaemonKeys, document.name, mistakes);
    set(settings.state_dir, daemon.text("state_dir", kAbsolutePath));
    set(settings.runtime_dir, daemon.text("runtime_dir", kAbsolutePath));
    set(settings.plugin_dir, daemon.text("plugin_dir", kAbsolutePath));
    daemon.texts("include", kIncludePattern, {});  // followed before; here its mistakes are told
    constexpr std::array<std::string_view, 2> kFormats{"text", "json"};
    if (const auto format = daemon.choice("log_format", kFormats)) {
      settings.log_format = *format == 0 ? LogFormat::text : LogFormat::json;
    }
    set(settings.instance, daemon.text("instance", kInstance));
    set(settings.link, daemon.text("link", kLink));
    set(settings.allow_empty, daemon.boolean("allow_empty"));
    set(settings.disk_floor, daemon.byte_size("disk_floor", 0, kMostFloor));
  }
  if (settings.instance.empty()) settings.instance = host_name();
  settings.log_origin = settings.instance + "/codedriftd";
  if (const toml::table* table = table_at_top(document, "log", mistakes)) {
    set(settings.log_origin, Section(*table, kLogKeys, document.name, mistakes).text("origin", kOrigin));
  }
  if (const toml::table* table = table_at_top(document, "http", mistakes)) {
    read_http(Section(*table, kHttpKeys, document.name, mistakes), settings);
  }
}

std::vector<PlacedText> read_include(const Document& document) {
  Mistakes told_by_read_daemon;
  const toml::node_view<const toml::node> daemon = document.table["daemon"];
  if (!daemon.is_table()) return {};
  const Section section(*daemon.as_table(), kDaemonKeys, document.name, told_by_read_daemon);
  return section.texts("include", kIncludePattern, {}).value_or(std::vector<PlacedText>{});
}

}  // namespace codedriftd
