#pragma once
#include <optional>
#include <string>

#include "http/client.h"

namespace codedriftd::test {

/// One request to a status page.
HttpResponse ask_page(const std::string& url, const std::string& method = "GET", const std::string& body = "");

/// The value of one sample ("name" or "name{labels}") of PAGE/metrics; nullopt if there is none.
std::optional<double> metric(const std::string& page, const std::string& sample);

}  // namespace codedriftd::test
