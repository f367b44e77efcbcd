#include "web/pages/pages.h"

#include <fmt/format.h>

#include "audit/report/writers.h"
#include "base/sha256.h"
#include "model/changes.h"
#include "web/pages/parts.h"

namespace codedriftd {
namespace {

constexpr std::string_view kFunctionPath = "/function/";

WebReply asset(const WebRequest& request, std::string_view type, std::string body) {
  const std::string tag = fmt::format("\"{}\"", sha256(body).hex().substr(0, 32));
  WebReply reply{200, std::string(type), std::move(body), {{"ETag", tag}}};
  if (request.if_none_match.find(tag) != std::string::npos) {
    reply.status = 304;
    reply.body.clear();
  }
  return reply;
}

WebReply words_page(const PageInput& in, int status, std::string_view title, std::string_view words) {
  return whole_page(in, title, {},
                    fmt::format("<h1>{}</h1>\n<p>{}</p>\n<p><a href=\"/\">All functions</a></p>\n", html_text(title),
                                html_text(as_sentence(std::string(words)))),
                    status);
}

}  // namespace

WebReply answer_page(Database& db, const WebRequest& request, const PageSetting& setting, WallTime now) {
  const PageInput in{db, request, setting, now};
  const std::string& path = request.path;
  // The report's style comes first: the pages look as it does, and have a few things more.
  if (path == "/assets/page.css")
    return asset(request, "text/css; charset=utf-8", std::string(kReportStyle) + std::string(kPageStyle));
  if (path == "/assets/page.js") return asset(request, "text/javascript; charset=utf-8", std::string(kPageScript));
  try {
    if (path == "/") return functions_page(in);
    if (path == "/alerts") return alerts_page(in);
    if (path == "/log") return log_page(in);
    if (path.starts_with(kFunctionPath)) return function_page(in, path.substr(kFunctionPath.size()));
  } catch (const BadValue& bad) {
    return words_page(in, 400, "That cannot be asked for", bad.what());
  } catch (const NotThere& nothing) {
    return words_page(in, 404, "There is no such function", nothing.what());
  }
  return words_page(in, 404, "There is no such page", "There are Functions, Alerts and Log");
}

}  // namespace codedriftd
