// Arbitrary bytes as the answer to every call that reads: never a crash, and only clean text comes out, no name among
// it that could not be an address.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "model/target.h"
#include "scf/read_api.h"

namespace {

void expect(bool held) {
  if (!held) std::abort();
}
void expect_clean(const std::string& text, std::size_t most) {
  expect(text.size() <= most && codedriftd::valid_utf8(text));
}

struct Look {
  void operator()(std::monostate) const {}
  void operator()(const codedriftd::AccountUsage& usage) const {
    for (const auto& ns : usage.namespaces) {
      expect(ns.functions >= 0);
      expect_clean(ns.name, 400);
      for (const std::string& name : ns.names) expect_clean(name, 400);
    }
  }
  void operator()(const codedriftd::NamespacePage& page) const {
    expect(page.total >= 0);
    for (const std::string& name : page.names) expect_clean(name, 400);
  }
  void operator()(const codedriftd::FunctionPage& page) const {
    expect(page.total >= 0);
    for (const auto& function : page.functions) {
      expect(codedriftd::valid_part(function.ns) && codedriftd::valid_part(function.name));
      for (const std::string* text : {&function.function_id, &function.type, &function.runtime, &function.status}) {
        expect_clean(*text, 400);
      }
      if (!function.tags) continue;
      for (const auto& [key, value] : *function.tags) expect_clean(key + value, 2400);
    }
    for (const std::string& text : page.unreadable) expect(codedriftd::harmless(text) == text);
  }
  void operator()(const codedriftd::VersionPage& page) const { expect(page.versions.size() <= page.entries); }
  void operator()(const codedriftd::AliasPage& page) const {
    for (const auto& alias : page.aliases) {
      expect(codedriftd::valid_part(alias.name));
      (*this)(alias);
    }
  }
  void operator()(const codedriftd::FoundAlias& alias) const {
    expect(codedriftd::valid_part(alias.route.version));
    expect(alias.route.other.empty() == alias.route.split.empty());
    expect(codedriftd::harmless(alias.route.split) == alias.route.split);
  }
  void operator()(const codedriftd::FunctionDetail& detail) const {
    for (const auto& layer : detail.layers) expect(codedriftd::valid_part(layer.name) && layer.version >= 0);
    expect_clean(detail.image_uri, 4000);
  }
  void operator()(const codedriftd::LayerVersion& layer) const { expect_clean(layer.status, 400); }
  void operator()(const codedriftd::AuditPage& page) const {
    for (const auto& record : page.records) {
      expect(record.key_suffix.size() <= 4);
      for (const std::string* text :
           {&record.event_id, &record.action, &record.principal_type, &record.principal, &record.source_ip,
            &record.user_agent, &record.request_id, &record.error_code, &record.region, &record.ns, &record.function}) {
        expect_clean(*text, 1200);
      }
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const codedriftd::Action action : codedriftd::kAllActions) {
    if (action == codedriftd::Action::get_function_address) continue;
    const codedriftd::ReadAnswer answer = codedriftd::read_content(action, body);
    expect(answer.error.code.empty() == (answer.content.index() != 0));
    for (const std::string* text : {&answer.error.code, &answer.error.message, &answer.error.request_id}) {
      expect_clean(*text, 4000);
    }
    std::visit(Look{}, answer.content);
  }
  return 0;
}
