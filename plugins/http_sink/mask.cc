#include "http_sink/mask.h"

#include <algorithm>

namespace codedriftd::http_sink {
namespace {

constexpr std::size_t kLeast = 4;
/// Shorter parts of a path are words like "send" and "hook".
constexpr std::size_t kPathPartLength = 9;

std::string with_escaped_slashes(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '/') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

void Mask::add(std::string_view secret) {
  if (secret.size() < kLeast) return;
  secrets_.emplace_back(secret);
  if (std::string escaped = with_escaped_slashes(secret); escaped != secret) secrets_.push_back(std::move(escaped));
  std::stable_sort(secrets_.begin(), secrets_.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

void Mask::add_url(std::string_view url) {
  add(url);
  url = url.substr(0, url.find('#'));
  const std::size_t question = std::min(url.find('?'), url.size());
  std::string_view query = url.substr(std::min(question + 1, url.size()));
  add(query);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos) add(pair.substr(equals + 1));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
  }
  const std::size_t host = url.find("://");
  const std::size_t slash = host == std::string_view::npos ? host : url.find('/', host + 3);
  if (slash >= question) return;
  add(url.substr(slash));
  std::string_view path = url.substr(slash, question - slash);
  // A receiver may name its path alone, and what is put behind one begins where its last slashes are.
  add(path);
  while (path.ends_with('/')) path.remove_suffix(1);
  add(path);
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    if (part.size() >= kPathPartLength) add(part);
    path.remove_prefix(part.size());
  }
}

std::string Mask::apply(std::string_view text) const {
  std::string masked(text);
  for (const std::string& secret : secrets_) {
    for (std::size_t at = 0; (at = masked.find(secret, at)) != std::string::npos; at += 3) {
      masked.replace(at, secret.size(), "***");
    }
  }
  return masked;
}

}  // namespace codedriftd::http_sink
