#include "http_sink/mask.h"

#include <algorithm>

namespace codedriftd::http_sink {
namespace {

constexpr std::size_t kLeast = 4;
/// A last part of a path this long is a token and not a word.
constexpr std::size_t kTokenLength = 16;
/// In an address that is a secret as a whole, shorter parts of the path are words like "send" and "hook".
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
  const std::size_t hash = std::min(url.find('#'), url.size());
  const std::size_t question = std::min(url.find('?'), hash);
  if (question < hash) {
    std::string_view query = url.substr(question + 1, hash - question - 1);
    add(query);
    while (!query.empty()) {
      const std::string_view pair = query.substr(0, query.find('&'));
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos) add(pair.substr(equals + 1));
      query.remove_prefix(std::min(pair.size() + 1, query.size()));
    }
  }
  std::string_view path = url.substr(0, question);
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::string_view last = path.substr(path.rfind('/') + 1);
  const std::size_t host = url.find("://");
  const bool in_path = host != std::string_view::npos && path.find('/', host + 3) != std::string_view::npos;
  if (in_path && last.size() >= kTokenLength) add(last);
}

void Mask::add_secret_url(std::string_view url) {
  add_url(url);
  add(url);
  const std::size_t host = url.find("://");
  const std::size_t path = host == std::string_view::npos ? host : url.find('/', host + 3);
  if (path == std::string_view::npos) return;
  add(url.substr(path));
  std::string_view rest = url.substr(path, url.find_first_of("?#", path) - path);
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view part = rest.substr(0, rest.find('/'));
    if (part.size() >= kPathPartLength) add(part);
    rest.remove_prefix(part.size());
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
