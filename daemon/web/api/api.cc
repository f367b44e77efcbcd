#include "web/api/api.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "audit/format/render.h"
#include "audit/query/answer.h"
#include "audit/query/parameters.h"
#include "base/embedded_file.h"
#include "base/json.h"

namespace codedriftd {

extern const std::span<const EmbeddedFile> kApiFiles;  // openapi.json

namespace {

constexpr std::string_view kReports = "/api/v1/";
constexpr std::string_view kDescription = "/openapi.json";

WebReply problem(int status, std::string_view detail) {
  const OrderedJson json{{"type", "about:blank"},
                         {"title", status == 400 ? "Bad Request" : "Not Found"},
                         {"status", status},
                         {"detail", detail}};
  return {status, "application/problem+json", plain_json(json) + "\n"};
}

template <typename Names>
bool is_among(std::string_view name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

WebReply no_such_path(std::string_view path) {
  std::vector<std::string> paths{std::string(kDescription)};
  for (const std::string_view report : kApiReports) paths.push_back(fmt::format("{}{}", kReports, report));
  return problem(404, fmt::format("there is no {}{}; there are {}", shown_argument(path), did_you_mean(path, paths),
                                  fmt::join(paths, ", ")));
}

std::vector<std::string_view> parameters_of(std::string_view report) {
  std::vector<std::string_view> taken;
  for (const std::string_view name : kGlobParameters) taken.push_back(name);
  for (const std::string_view name : kValueParameters) taken.push_back(name);
  for (const std::string_view name : kSwitchParameters) taken.push_back(name);
  std::erase_if(taken, [&](std::string_view name) { return !has_parameter(report, name); });
  if (report == "events") taken.push_back("before");
  if (report == "alerts" || report == "status") taken.push_back("skip");
  taken.push_back("format");
  return taken;
}

Error not_taken(std::string_view report, std::string_view name) {
  if (is_among(name, kGlobParameters) || is_among(name, kValueParameters) || is_among(name, kSwitchParameters))
    return Error{fmt::format("{} is not for {}", name, report)};
  const auto taken = parameters_of(report);
  return Error{fmt::format("there is no parameter \"{}\"{}; {} takes {}", shown_argument(name),
                           did_you_mean(name, taken), report, fmt::join(taken, ", "))};
}

struct Asked {
  Parameters parameters;  ///< a switch that is off is none of them
  std::optional<int64_t> before, skip;
  Format format = Format::json;
};

/// What is in the URL, held against what `report` takes.
Result<Asked> read_request(std::string_view report, const WebRequest& request) {
  Asked asked;
  for (const auto& [name, value] : request.values) {
    if (!takes_parameter(report, name)) return not_taken(report, name);
    if (!is_among(name, kGlobParameters) && request.values.count(name) > 1)
      return Error{fmt::format("{} is given {} times; it takes one value", name, request.values.count(name))};
    if (name == "format") {
      if (!is_among(value, kApiFormats))
        return Error{fmt::format("there is no format \"{}\"{}; there are {}", shown_argument(value),
                                 did_you_mean(value, kApiFormats), fmt::join(kApiFormats, ", "))};
      asked.format = parse_format(value).value();
      continue;
    }
    if (name == "before" || name == "skip") {
      const auto number = whole_number(value);
      if (!number)
        return Error{fmt::format("{} \"{}\" is not a number of rows; write a whole number, 1 or more", name,
                                 shown_argument(value))};
      (name == "skip" ? asked.skip : asked.before) = number;
      continue;
    }
    if (is_among(name, kSwitchParameters)) {
      if (value != "true" && value != "false" && !value.empty())
        return Error{fmt::format("{0} \"{1}\": write {0}=true or {0}=false", name, shown_argument(value))};
      if (value == "false") continue;
    }
    asked.parameters.emplace(name, value);
  }
  return asked;
}

std::string_view type_of(Format format) {
  switch (format) {
    case Format::ndjson:
      return "application/x-ndjson";
    case Format::csv:
      return "text/csv; charset=utf-8";
    default:
      return "application/json";
  }
}

WebReply answer_report(Database& db, std::string_view name, const WebRequest& request, WallTime now) {
  const auto asked = read_request(name, request);
  if (!asked) return problem(400, asked.error().message);
  auto selection = read_selection(asked->parameters, now, "");
  if (!selection) return problem(400, selection.error().message);
  if (grows_with_time(name)) {
    if (selection->limit.value_or(0) > kHighestLimit)
      return problem(400, fmt::format("limit {} is more than {}; go on with {}", *selection->limit, kHighestLimit,
                                      name == "events"   ? "before"
                                      : name == "alerts" ? "skip"
                                                         : "until"));
    selection->limit = selection->limit.value_or(kUsualLimit);
  }
  selection->before = asked->before;
  if (asked->skip && !selection->limit) return problem(400, "skip goes with limit: write both");
  selection->skip = asked->skip.value_or(0);
  const Report& report = *report_named(name, asked->parameters.contains("attempts"));
  WebReply reply{200, std::string(type_of(asked->format)), {}};
  const auto renderer = make_renderer(asked->format, report, now, Look(false), reply.body);
  const auto answered = answer_query(db, report, *selection, now, [&](const Row& row) { renderer->row(row); });
  if (!answered) return problem(404, answered.error().message);
  if (!answered->nothing.empty()) return problem(404, answered->nothing);
  renderer->end(answered->end);
  if (grows_with_time(name) && answered->end.rows >= *selection->limit)
    reply.headers.emplace_back("X-Limit", std::to_string(*selection->limit));
  return reply;
}

}  // namespace

bool takes_parameter(std::string_view report, std::string_view parameter) {
  return is_among(parameter, parameters_of(report));
}

std::optional<WebReply> answer_description(const WebRequest& request) {
  if (request.path != kDescription) return std::nullopt;
  if (!request.values.empty()) return problem(400, fmt::format("{} takes no parameters", kDescription));
  return WebReply{200, "application/json", std::string(kApiFiles.front().bytes)};
}

WebReply answer_api(Database& db, const WebRequest& request, WallTime now) {
  const std::string_view path = request.path;
  if (path.starts_with(kReports) && is_among(path.substr(kReports.size()), kApiReports))
    return answer_report(db, path.substr(kReports.size()), request, now);
  return no_such_path(path);
}

}  // namespace codedriftd
