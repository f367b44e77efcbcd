#include "e2e/page.h"

#include <cstdlib>

namespace codedriftd::test {

HttpResponse ask_page(const std::string& url, const std::string& method, const std::string& body) {
  HttpClient client;
  codedriftd::HttpRequest request;
  request.method = method;
  request.url = url;
  request.body = body;
  request.body_cap = 1 << 20;
  return client.fetch(std::move(request));
}

std::optional<double> metric(const std::string& page, const std::string& sample) {
  const std::string text = "\n" + ask_page(page + "/metrics").body;
  const std::string wanted = "\n" + sample + " ";
  const std::size_t at = text.find(wanted);
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(text.c_str() + at + wanted.size(), nullptr);
}

}  // namespace codedriftd::test
