#include "support/simulated_packages.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/sha256.h"
#include "support/fault.h"
#include "support/raw_server.h"
#include "support/script.h"
#include "support/zip_writer.h"

namespace codedriftd::test {
namespace {

constexpr std::string_view kAppFolder = "/1253970226/";

constexpr std::pair<std::string_view, PackageFault> kPackageFaults[] = {
    {"none", PackageFault::none},
    {"other_host", PackageFault::other_host},
    {"plain_http", PackageFault::plain_http},
    {"no_link", PackageFault::no_link},
    {"slow", PackageFault::slow},
    {"endless", PackageFault::endless},
    {"silent", PackageFault::silent},
    {"truncated", PackageFault::truncated},
    {"huge_length", PackageFault::huge_length},
    {"wrong_bytes", PackageFault::wrong_bytes},
    {"redirect", PackageFault::redirect},
    {"refused", PackageFault::refused},
    {"failing", PackageFault::failing},
};

bool of_the_link(PackageFault fault) {
  return fault == PackageFault::other_host || fault == PackageFault::plain_http || fault == PackageFault::no_link;
}

/// The fault of any server that plays this one.
Fault played_as(PackageFault fault) {
  switch (fault) {
    case PackageFault::slow:
      return Fault::drip_body;
    case PackageFault::endless:
      return Fault::endless_body;
    case PackageFault::silent:
      return Fault::never_answer;
    case PackageFault::huge_length:
      return Fault::huge_content_length;
    case PackageFault::redirect:
      return Fault::redirect;
    case PackageFault::failing:
      return Fault::http_503;
    default:
      return Fault::none;
  }
}

/// "ap-guangzhou/default/charge:$LATEST" as "/1253970226/ap-guangzhou/default/charge/charge_LATEST.zip".
std::string object_of(const std::string& target) {
  const std::size_t colon = target.rfind(':');
  const std::string place = target.substr(0, colon);
  const std::string function = place.substr(place.rfind('/') + 1);
  std::string qualifier = target.substr(colon + 1);
  if (qualifier.starts_with('$')) qualifier.erase(0, 1);
  return fmt::format("{}{}/{}_{}.zip", kAppFolder, place, function, qualifier);
}

/// Signs nothing but what the link is for and how long; good enough for who cannot make one.
std::string signature_of(std::string_view object, std::string_view key_time) {
  return fmt::format("{}-{}", kUrlSecret,
                     hmac_sha256("FAKE-COS-KEY", fmt::format("{} {}", object, key_time)).hex().substr(0, 40));
}

/// One parameter of a query string, as it stands there.
std::string_view parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
    if (one.size() > name.size() && one.starts_with(name) && one[name.size()] == '=')
      return one.substr(name.size() + 1);
  }
  return {};
}

int64_t seconds_of(WallTime time) { return to_ms(time) / 1000; }

/// Nothing if the link is good, or what COS says it is not.
std::string bad_link(std::string_view object, std::string_view query, WallTime now) {
  const std::string_view key_time = parameter(query, "q-key-time");
  if (parameter(query, "q-signature") != signature_of(object, key_time)) return "SignatureDoesNotMatch";
  const std::string until(key_time.substr(key_time.find(';') + 1));
  return std::stoll(until) < seconds_of(now) ? "AccessDenied" : "";
}

/// The times in the headers differ from packing to packing, as they do in the cloud.
std::string pack(std::vector<ZipEntry> entries, uint32_t packings) {
  for (ZipEntry& entry : entries) entry.dos_time = 0x5D780000U + packings;  // 2026-11-24, two seconds later each time
  return zip_of(entries);
}

}  // namespace

std::optional<PackageFault> parse_package_fault(std::string_view name) {
  for (const auto& [known, fault] : kPackageFaults) {
    if (known == name) return fault;
  }
  return std::nullopt;
}

struct SimulatedPackages::Impl {
  struct Stored {
    std::vector<ZipEntry> files;
    std::shared_ptr<const std::string> zip;
  };

  mutable Mutex mutex;  ///< for what follows
  std::string origin GUARDED_BY(mutex);
  std::chrono::seconds lifetime GUARDED_BY(mutex){10'060};
  std::map<std::string, Stored> stored GUARDED_BY(mutex);
  std::map<std::string, std::string> targets GUARDED_BY(mutex);  ///< by object
  uint32_t packings GUARDED_BY(mutex) = 0;
  Script<PackageFault> link_faults GUARDED_BY(mutex);
  Script<PackageFault> download_faults GUARDED_BY(mutex);
  PackageStatistics statistics GUARDED_BY(mutex);
  unsigned now_sending GUARDED_BY(mutex) = 0;

  /// What is sent for one request.
  struct Reply {
    int status = 200;
    std::string error{};  ///< COS's code
    std::shared_ptr<const std::string> zip{};
    PackageFault fault = PackageFault::none;
  };

  std::string store(const std::string& target, Stored what) REQUIRES(mutex) {
    const std::string hash = sha256(*what.zip).hex();
    stored[target] = std::move(what);
    targets[object_of(target)] = target;
    return hash;
  }

  Reply find(const std::string& object, std::string_view query, WallTime now) {
    MutexLock guard(mutex);
    const std::string error = bad_link(object, query, now);
    const auto target = targets.find(object);
    const auto found = target == targets.end() ? stored.end() : stored.find(target->second);
    if (!error.empty() || found == stored.end()) {
      ++statistics.refused;
      return error.empty() ? Reply{404, "NoSuchKey"} : Reply{403, error};
    }
    ++statistics.by_target[target->second];
    statistics.most_at_once = std::max(statistics.most_at_once, ++now_sending);
    return {200, {}, found->second.zip, next(download_faults, target->second).value_or(PackageFault::none)};
  }

  void sent(bool whole) {
    MutexLock guard(mutex);
    --now_sending;
    if (whole) ++statistics.sent;
  }
};

SimulatedPackages::SimulatedPackages() : impl_(std::make_unique<Impl>()) {}
SimulatedPackages::~SimulatedPackages() = default;

void SimulatedPackages::set_origin(std::string origin) {
  MutexLock guard(impl_->mutex);
  impl_->origin = std::move(origin);
}

std::string SimulatedPackages::deploy(const std::string& target, const std::map<std::string, std::string>& files,
                                      const std::map<std::string, uint32_t>& modes) {
  std::vector<ZipEntry> entries;
  for (const auto& [name, content] : files) {
    ZipEntry entry;
    entry.name = name;
    entry.content = content;
    if (const auto mode = modes.find(name); mode != modes.end()) entry.mode = mode->second;
    entries.push_back(std::move(entry));
  }
  MutexLock guard(impl_->mutex);
  auto zip = std::make_shared<const std::string>(pack(entries, impl_->packings++));
  return impl_->store(target, {std::move(entries), std::move(zip)});
}

std::string SimulatedPackages::deploy_zip(const std::string& target, std::string zip) {
  MutexLock guard(impl_->mutex);
  return impl_->store(target, {{}, std::make_shared<const std::string>(std::move(zip))});
}

std::string SimulatedPackages::repack(const std::string& target) {
  MutexLock guard(impl_->mutex);
  Impl::Stored& there = impl_->stored.at(target);
  if (there.files.empty()) throw std::out_of_range(target + " was not deployed as files");
  there.zip = std::make_shared<const std::string>(pack(there.files, impl_->packings++));
  return sha256(*there.zip).hex();
}

void SimulatedPackages::copy(const std::string& from, const std::string& to) {
  MutexLock guard(impl_->mutex);
  const auto there = impl_->stored.find(from);
  if (there == impl_->stored.end()) {
    impl_->stored.erase(to);
  } else {
    impl_->store(to, Impl::Stored(there->second));
  }
}

void SimulatedPackages::remove(const std::string& target) {
  MutexLock guard(impl_->mutex);
  impl_->stored.erase(target);
}

std::string SimulatedPackages::package(const std::string& target) const {
  MutexLock guard(impl_->mutex);
  return *impl_->stored.at(target).zip;
}

void SimulatedPackages::set_fault(const std::string& target, PackageFault fault, unsigned times) {
  MutexLock guard(impl_->mutex);
  if (fault == PackageFault::none) {
    impl_->link_faults.erase(target);
    impl_->download_faults.erase(target);
  } else {
    (of_the_link(fault) ? impl_->link_faults : impl_->download_faults)[target] = {fault, times};
  }
}

void SimulatedPackages::clear_faults() {
  MutexLock guard(impl_->mutex);
  impl_->link_faults.clear();
  impl_->download_faults.clear();
}

void SimulatedPackages::set_lifetime(std::chrono::seconds lifetime) {
  MutexLock guard(impl_->mutex);
  impl_->lifetime = lifetime;
}

std::optional<std::string> SimulatedPackages::link(const std::string& target, WallTime now) {
  MutexLock guard(impl_->mutex);
  if (!impl_->stored.contains(target)) return std::nullopt;
  std::string origin = impl_->origin;
  switch (next(impl_->link_faults, target).value_or(PackageFault::none)) {
    case PackageFault::no_link:
      return "";
    case PackageFault::other_host:
      origin = "https://packages.evil.example";
      break;
    case PackageFault::plain_http:
      origin = "http://lambdacode-1253970226.cosgz.myqcloud.com";
      break;
    default:
      break;
  }
  const std::string object = object_of(target);
  const std::string key_time = fmt::format("{};{}", seconds_of(now), seconds_of(now) + impl_->lifetime.count());
  return fmt::format(
      "{0}{1}?q-sign-algorithm=sha1&q-ak=FAKE-COS-ID&q-sign-time={2}&q-key-time={2}&q-header-list=&q-url-param-list="
      "&q-signature={3}",
      origin, object, key_time, signature_of(object, key_time));
}

bool SimulatedPackages::serves(const HttpRequest& request) { return request.path.starts_with(kAppFolder); }

bool SimulatedPackages::serve(Connection& connection, const HttpRequest& request, WallTime now) {
  const std::size_t mark = request.path.find('?');
  const std::string query = mark == std::string::npos ? "" : request.path.substr(mark + 1);
  Headers headers{{"Date", http_date(now)}};
  const auto refuse = [&](int status, std::string_view code) {
    headers.emplace_back("Content-Type", "application/xml");
    const std::string body = fmt::format("<Error><Code>{}</Code><Resource>{}</Resource></Error>", code, request.path);
    return connection.send(http_response(status, headers, body));
  };
  if (request.method != "GET") return refuse(405, "MethodNotAllowed") && request.keep_alive;
  const Impl::Reply reply = impl_->find(request.path.substr(0, mark), query, now);
  if (reply.status != 200) return refuse(reply.status, reply.error) && request.keep_alive;

  headers.emplace_back("Content-Type", "application/octet-stream");
  bool goes_on = false;
  bool whole = false;
  if (reply.fault == PackageFault::none) {
    goes_on = whole = connection.send(http_response(200, headers, *reply.zip));
  } else if (reply.fault == PackageFault::wrong_bytes) {
    ZipEntry other;
    other.name = "other.py";
    other.content = "print('another package')\n";
    goes_on = connection.send(http_response(200, headers, pack({other}, 0)));
  } else if (reply.fault == PackageFault::truncated) {
    const std::string all = http_response(200, headers, *reply.zip);
    connection.send(std::string_view(all).substr(0, all.size() - (reply.zip->size() + 1) / 2));
  } else if (reply.fault == PackageFault::refused) {
    goes_on = refuse(403, "AccessDenied");
  } else {
    goes_on = play_fault(connection, played_as(reply.fault), {headers, *reply.zip, now});
  }
  impl_->sent(whole);
  return goes_on && request.keep_alive;
}

PackageStatistics SimulatedPackages::statistics() const {
  MutexLock guard(impl_->mutex);
  return impl_->statistics;
}

void SimulatedPackages::reset_statistics() {
  MutexLock guard(impl_->mutex);
  impl_->statistics = {};
  impl_->statistics.most_at_once = impl_->now_sending;
}

}  // namespace codedriftd::test
