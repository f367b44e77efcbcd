#include <stdexcept>
#include <utility>

#include "base/sha256.h"
#include "support/scf_control_verbs.h"

namespace codedriftd::test {
namespace {

std::map<std::string, std::string> texts_of(const Json& body, const char* name) {
  return body.value(name, Json::object()).get<std::map<std::string, std::string>>();
}

std::map<std::string, uint32_t> modes_of(const Json& body) {
  std::map<std::string, uint32_t> modes;
  for (const auto& [name, mode] : texts_of(body, "modes"))
    modes[name] = static_cast<uint32_t>(std::stoul(mode, nullptr, 8));
  return modes;
}

std::string zip_of_base64(const Json& body) {
  const auto zip = base64_decode(string_of(body, "zip"));
  if (!zip) throw std::invalid_argument("'zip' is not base64");
  return *zip;
}

ScfNewFunction new_function_of(const Json& body) {
  ScfNewFunction made;
  if (body.contains("sha256")) made.sha256 = string_of(body, "sha256");
  made.type = body.value("type", made.type);
  made.runtime = body.value("runtime", made.runtime);
  made.status = body.value("status", made.status);
  made.tags = texts_of(body, "tags");
  return made;
}

ScfConfiguration configuration_of(const Json& body) {
  ScfConfiguration configuration;
  if (body.contains("status")) configuration.status = string_of(body, "status");
  if (body.contains("tags")) configuration.tags = texts_of(body, "tags");
  return configuration;
}

SimulatedAlias alias_of(const Json& body) {
  SimulatedAlias alias;
  alias.version = string_of(body, "version");
  alias.other = body.value("other", "");
  alias.weight = body.value("weight", 0.0);
  alias.match = body.value("match", Json::array()).get<std::vector<std::string>>();
  if (!alias.match.empty() && alias.match.size() != 3)
    throw std::invalid_argument("'match' is [KEY,METHOD,EXPRESSION]");
  return alias;
}

std::vector<SimulatedLayerUse> layers_of(const Json& body) {
  std::vector<SimulatedLayerUse> layers;
  for (const Json& one : body.at("layers"))
    layers.push_back({string_of(one, "name"), one.at("version").get<int64_t>()});
  return layers;
}

ListingRace race_of(const Json& body) {
  ListingRace race;
  race.insert = body.value("insert", Json::array()).get<std::vector<std::string>>();
  race.remove = body.value("remove", Json::array()).get<std::vector<std::string>>();
  race.times = body.value("times", 1U);
  return race;
}

AuditEntry audit_entry_of(const Json& body) {
  AuditEntry entry;
  entry.action = string_of(body, "action");
  const std::string target = string_of(body, "target");
  const std::size_t first = target.find('/');
  const std::size_t second = target.find('/', first + 1);
  if (first == std::string::npos || second == std::string::npos)
    throw std::invalid_argument("'" + target + "' is not REGION/NAMESPACE/FUNCTION");
  entry.region = target.substr(0, first);
  entry.ns = target.substr(first + 1, second - first - 1);
  entry.function = target.substr(second + 1, target.find(':', second) - second - 1);
  entry.by = caller_of(body);
  entry.read = body.value("read", false);
  entry.time = body.value("time", int64_t{0});
  return entry;
}

Json functions_of(SimulatedScf& scf) {
  Json rows = Json::array();
  for (const auto& [target, function] : scf.functions().all()) {
    Json row{{"target", target},
             {"function_id", function.id},
             {"added_at", function.added},
             {"modified_at", function.modified},
             {"status", function.status},
             {"sha256", or_null(function.sha256)},
             {"image_uri", function.image_uri},
             {"versions", Json::array()},
             {"aliases", Json::array()}};
    for (const auto& [number, version] : function.versions) row["versions"].push_back(number);
    for (const auto& [name, alias] : function.aliases) row["aliases"].push_back(name);
    rows.push_back(std::move(row));
  }
  return {{"functions", std::move(rows)}};
}

ControlVerbs code_verbs() {
  return {
      {"set", doing([](SimulatedScf& scf, const Json& b) {
         scf.set(string_of(b, "target"), string_of(b, "sha256"), caller_of(b));
       })},
      {"deploy",
       [](SimulatedScf& scf, const Json& b) {
         const auto files = b.at("files").get<std::map<std::string, std::string>>();
         return Json{{"done", true},
                     {"sha256", scf.functions().deploy(string_of(b, "target"), files, modes_of(b), caller_of(b))}};
       }},
      {"deploy_zip", doing([](SimulatedScf& scf, const Json& b) {
         scf.deploy_zip(string_of(b, "target"), zip_of_base64(b), caller_of(b));
       })},
      {"repack", doing([](SimulatedScf& scf, const Json& b) { scf.repack(string_of(b, "target"), caller_of(b)); })},
      {"swap_and_restore", doing([](SimulatedScf& scf, const Json& b) {
         scf.functions().swap_and_restore(string_of(b, "target"), caller_of(b));
       })},
      {"set_image", doing([](SimulatedScf& scf, const Json& b) {
         scf.functions().set_image(string_of(b, "target"), string_of(b, "image_uri"), caller_of(b));
       })},
  };
}

ControlVerbs function_verbs() {
  return {
      {"create", doing([](SimulatedScf& scf, const Json& b) {
         scf.functions().create(string_of(b, "target"), new_function_of(b), caller_of(b));
       })},
      {"configure", doing([](SimulatedScf& scf, const Json& b) {
         scf.functions().configure(string_of(b, "target"), configuration_of(b), caller_of(b));
       })},
      {"recreate",
       doing([](SimulatedScf& scf, const Json& b) { scf.functions().recreate(string_of(b, "target"), caller_of(b)); })},
      {"remove", doing([](SimulatedScf& scf, const Json& b) { scf.remove(string_of(b, "target"), caller_of(b)); })},
      {"publish_version",
       [](SimulatedScf& scf, const Json& b) {
         return Json{{"done", true},
                     {"version", scf.functions().publish_version(string_of(b, "target"), caller_of(b))}};
       }},
      {"set_alias", doing([](SimulatedScf& scf, const Json& b) {
         scf.functions().set_alias(string_of(b, "target"), string_of(b, "alias"), alias_of(b), caller_of(b));
       })},
      {"remove_alias", doing([](SimulatedScf& scf, const Json& b) {
         scf.functions().remove_alias(string_of(b, "target"), string_of(b, "alias"), caller_of(b));
       })},
      {"publish_layer",
       [](SimulatedScf& scf, const Json& b) {
         return Json{{"done", true},
                     {"version", scf.functions().publish_layer(string_of(b, "region"), string_of(b, "layer"),
                                                               string_of(b, "sha256"), caller_of(b))}};
       }},
      {"set_layers", doing([](SimulatedScf& scf, const Json& b) {
         scf.functions().set_layers(string_of(b, "target"), layers_of(b), caller_of(b));
       })},
      {"add_namespace", doing([](SimulatedScf& scf, const Json& b) {
         scf.functions().add_namespace(string_of(b, "region"), string_of(b, "namespace"), b.value("type", "Default"),
                                       caller_of(b));
       })},
      {"remove_namespace", doing([](SimulatedScf& scf, const Json& b) {
         scf.functions().remove_namespace(string_of(b, "region"), string_of(b, "namespace"), caller_of(b));
       })},
      {"functions", [](SimulatedScf& scf, const Json&) { return functions_of(scf); }},
      {"listing_race", doing([](SimulatedScf& scf, const Json& b) {
         scf.functions().race(string_of(b, "region"), string_of(b, "namespace"), race_of(b));
       })},
      {"account_lag",
       doing([](SimulatedScf& scf, const Json& b) { scf.functions().set_account_lag(b.at("lag").get<bool>()); })},
  };
}

ControlVerbs audit_verbs() {
  return {
      {"audit_delay", doing([](SimulatedScf& scf, const Json& b) {
         scf.audit().set_delay(std::chrono::seconds(b.at("seconds").get<int64_t>()));
       })},
      {"audit_drop", doing([](SimulatedScf& scf, const Json& b) { scf.audit().drop(b.at("count").get<unsigned>()); })},
      {"audit_record", doing([](SimulatedScf& scf, const Json& b) { scf.audit().record(audit_entry_of(b)); })},
      {"audit_clear", doing([](SimulatedScf& scf, const Json&) { scf.audit().clear(); })},
  };
}

}  // namespace

std::string string_of(const Json& body, const char* name) { return body.at(name).get<std::string>(); }

ScfCaller caller_of(const Json& body) {
  ScfCaller by;
  const Json given = body.value("by", Json::object());
  const std::map<std::string, std::string*> texts{{"principal", &by.principal},
                                                  {"type", &by.type},
                                                  {"ip", &by.ip},
                                                  {"key_id", &by.key_id},
                                                  {"user_agent", &by.user_agent},
                                                  {"request_id", &by.request_id},
                                                  {"error", &by.error}};
  for (const auto& [name, value] : given.items()) {
    const auto text = texts.find(name);
    if (text != texts.end()) {
      *text->second = value.get<std::string>();
    } else if (name == "console") {
      by.console = value.get<bool>();
    } else {
      throw std::invalid_argument("'by' has no '" + name + "'");
    }
  }
  return by;
}

ControlVerbs writing_verbs() {
  ControlVerbs all = code_verbs();
  all.merge(function_verbs());
  all.merge(audit_verbs());
  return all;
}

}  // namespace codedriftd::test
