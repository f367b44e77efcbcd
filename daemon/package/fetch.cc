#include "package/fetch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "base/url.h"

namespace codedriftd {
namespace {

constexpr std::size_t kHostShown = 100;

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

/// `host` as parse_url gives it.
bool host_allowed(std::string_view host, const std::vector<std::string>& hosts) {
  return std::any_of(hosts.begin(), hosts.end(), [host](const std::string& entry) {
    const std::string allowed = lower_case(entry);
    if (!allowed.starts_with('.')) return !allowed.empty() && host == allowed;
    return allowed.size() > 1 && host.size() > allowed.size() && host.ends_with(allowed);
  });
}

Result<UniqueFd> nameless_file(const std::string& folder) {
  UniqueFd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.valid()) return file;
  // Not every file system can (overlayfs and NFS cannot, in some kernels): then the name is there for a moment.
  std::string name = folder + "/package-XXXXXX";
  file.reset(::mkostemp(name.data(), O_CLOEXEC));
  if (!file.valid()) return Error{fmt::format("no file can be made in {}: {}", folder, std::strerror(errno))};
  ::unlink(name.c_str());
  return file;
}

/// Where the pieces go. What goes wrong here ends the download.
class PackageSink {
 public:
  explicit PackageSink(UniqueFd file) : file_(std::move(file)) {}

  bool take(std::string_view piece) {
    hash_.add(piece);
    bytes_ += piece.size();
    while (!piece.empty()) {
      const ssize_t written = ::write(file_.get(), piece.data(), piece.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        error_ = written < 0 ? errno : ENOSPC;
        return false;
      }
      piece.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  int error() const { return error_; }  ///< errno; 0: everything was written
  FetchedPackage finish() {
    ::lseek(file_.get(), 0, SEEK_SET);
    return {std::move(file_), bytes_, hash_.digest()};
  }

 private:
  UniqueFd file_;
  Sha256Stream hash_;
  uint64_t bytes_ = 0;
  int error_ = 0;
};

/// What another try would not mend.
FetchFailure for_good(std::string why) {
  FetchFailure failure{std::move(why)};
  failure.for_good = true;
  return failure;
}

FetchFailure status_failure(std::string_view origin, int status) {
  if (status == 403 || status == 404)
    return {fmt::format("{}: the link was refused or has expired (HTTP {})", origin, status), true};
  if (status >= 300 && status < 400)
    return for_good(fmt::format("{}: the link leads elsewhere (HTTP {}); redirects are not followed", origin, status));
  return {fmt::format("{}: the answer was HTTP {}", origin, status)};
}

FetchFailure failure_of(const HttpResponse& response, std::string_view origin, const FetchRules& rules) {
  const int status = response.status_before_body;
  if (response.failure == HttpFailure::too_large && (status == 200 || status == 206)) {
    return for_good(fmt::format("{}: the package is larger than max_package ({} bytes)", origin, rules.max_package));
  }
  if (response.failure == HttpFailure::too_large && status != 0) return status_failure(origin, status);
  FetchFailure failure{harmless(response.failure_text)};
  failure.cancelled = response.failure == HttpFailure::cancelled;
  return failure;
}

}  // namespace

Checked check_link(std::string_view link, const std::vector<std::string>& hosts) {
  const Result<Url> url = parse_url(link);
  if (!url) return Error{fmt::format("the link cannot be used: {}", url.error().message)};
  if (url->loopback) return Done{};
  const std::string host = harmless(clean_utf8(url->host, kHostShown));
  if (!url->https) return Error{fmt::format("{}: the link is not https", host)};
  if (url->address) return Error{fmt::format("{}: the link's host is an address; packages come from names", host)};
  if (url->host.find("..") != std::string::npos || !host_allowed(url->host, hosts))
    return Error{fmt::format("{}: packages may not come from this host; [packages] hosts names those they may", host)};
  if (url->port != 443) return Error{fmt::format("{}: the link's port is {}, not 443", host, url->port)};
  return Done{};
}

Result<FetchedPackage, FetchFailure> PackageFetcher::fetch(const Secret& url, const FetchRules& rules, int cancel_fd) {
  if (url.empty()) return FetchFailure{"no link that may be used came with the answer"};
  if (const Checked allowed = check_link(url.reveal(), rules.hosts); !allowed)
    return FetchFailure{allowed.error().message};
  const std::string origin = harmless(parse_url(url.reveal())->origin);
  Result<UniqueFd> file = nameless_file(rules.folder);
  if (!file) return FetchFailure{harmless(file.error().message)};

  PackageSink sink(std::move(*file));
  HttpRequest request;
  request.url = url.reveal();
  request.secret_url = true;
  request.deadline = rules.deadline;
  request.stalled_after = rules.stalled_after;
  request.body_cap = rules.max_package;
  request.ca_file = rules.ca_file;
  request.on_body = [&sink](std::string_view piece) { return sink.take(piece); };
  HttpResponse response = http_.fetch(std::move(request), cancel_fd);
  wipe(response.body);  // a refusal and a Location repeat the link
  for (HttpHeader& header : response.headers) wipe(header.value);

  if (sink.error() != 0) {
    return FetchFailure{harmless(
        fmt::format("the package cannot be written to a file in {}: {}", rules.folder, std::strerror(sink.error())))};
  }
  if (response.failure != HttpFailure::none) return failure_of(response, origin, rules);
  if (response.status != 200) return status_failure(origin, response.status);
  FetchedPackage package = sink.finish();
  if (package.bytes == 0) return FetchFailure{fmt::format("{}: the answer was empty", origin)};
  return package;
}

}  // namespace codedriftd
