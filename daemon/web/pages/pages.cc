#include "web/pages/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "audit/report/writers.h"
#include "base/embedded_file.h"
#include "base/sha256.h"
#include "model/changes.h"
#include "web/pages/parts.h"

namespace codedriftd {

extern const std::span<const EmbeddedFile> kPageAssets;  // assets/

namespace {

constexpr std::string_view kFunctionPath = "/function/";

/// What pages load, made once.
struct Asset {
  std::string type, body, tag;
};
Asset make_asset(std::string_view name) {
  const auto file = std::find_if(kPageAssets.begin(), kPageAssets.end(), [&](const auto& f) { return f.name == name; });
  Asset asset{"text/javascript; charset=utf-8", std::string(file->bytes), {}};
  if (name.ends_with(
          ".css")) {  // the report's style comes first: the pages look as it does, and have a few things more
    asset.type = "text/css; charset=utf-8";
    asset.body = std::string(kReportStyle) + asset.body;
  }
  asset.tag = fmt::format("\"{}\"", sha256(asset.body).hex());
  return asset;
}

WebReply give(const Asset& asset, const WebRequest& request) {
  const bool known = request.if_none_match.find(asset.tag) != std::string::npos;
  return {known ? 304 : 200, asset.type, known ? "" : asset.body, {{"ETag", asset.tag}, {"Cache-Control", "no-cache"}}};
}

}  // namespace

std::optional<WebReply> answer_asset(const WebRequest& request) {
  static const Asset kStyle = make_asset("page.css"), kScript = make_asset("page.js");
  if (request.path == "/assets/page.css") return give(kStyle, request);
  if (request.path == "/assets/page.js") return give(kScript, request);
  return std::nullopt;
}

WebReply words_page(const PageSetting& setting, WallTime now, int status, std::string_view title,
                    std::string_view words) {
  return whole_page(setting, now, title, {},
                    fmt::format("<h1>{}</h1>\n<p>{}</p>\n<p><a href=\"/\">All functions</a></p>\n", html_text(title),
                                html_text(as_sentence(std::string(words)))),
                    status);
}

WebReply answer_page(Database& db, const WebRequest& request, const PageSetting& setting, WallTime now) {
  const PageInput in{db, request, setting, now};
  const std::string& path = request.path;
  try {
    if (path == "/") return functions_page(in);
    if (path == "/alerts") return alerts_page(in);
    if (path == "/log") return log_page(in);
    if (path.starts_with(kFunctionPath)) return function_page(in, path.substr(kFunctionPath.size()));
  } catch (const BadValue& bad) {
    return words_page(setting, now, 400, "That cannot be asked for", bad.what());
  } catch (const NotThere& nothing) {
    return words_page(setting, now, 404, "There is no such function", nothing.what());
  }
  return words_page(setting, now, 404, "There is no such page", "There are Functions, Alerts and Log");
}

}  // namespace codedriftd
