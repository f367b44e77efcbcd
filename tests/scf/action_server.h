#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cloud/credentials.h"
#include "scf/signed_calls.h"
#include "support/raw_server.h"
#include "support/simulated_scf.h"
#include "support/temp_dir.h"

namespace codedriftd::test {

/// An endpoint that answers each action with a text, and keeps what it was asked.
class ActionServer {
 public:
  using Reply = std::function<std::string(const HttpRequest&)>;  ///< what stands in Response; on the server's threads

  ActionServer() : server_(0, std::nullopt, [this](Connection& connection) { serve(connection); }) {}

  /// `members` of a success, without RequestId.
  void answer(const std::string& action, std::string members) {
    answer(action, [members = std::move(members)](const HttpRequest&) { return members; });
  }
  void answer(const std::string& action, Reply reply) {
    const std::lock_guard lock(mutex_);
    replies_[action] = std::move(reply);
  }
  void fail(const std::string& action, const std::string& code) {
    answer(action, R"("Error":{"Code":")" + code + R"(","Message":"why"})");
  }
  /// Asks for it are never answered.
  void hang(const std::string& action) {
    const std::lock_guard lock(mutex_);
    replies_[action] = nullptr;
  }

  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  /// "GetFunction GetLayerVersion": what was asked so far, in order.
  std::string actions() const {
    std::string text;
    for (const HttpRequest& request : requests()) {
      text += (text.empty() ? "" : " ") + std::string(request.header("x-tc-action"));
    }
    return text;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    requests_.clear();
  }

 private:
  void serve(Connection& connection) {
    while (connection.wait_readable()) {
      const auto request = connection.read_request();
      if (!request) return;
      std::optional<Reply> reply;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(*request);
        const auto found = replies_.find(std::string(request->header("x-tc-action")));
        if (found != replies_.end()) reply = found->second;
      }
      if (reply && !*reply) return connection.wait_for_peer_to_leave();
      const std::string members = reply ? (*reply)(*request) : R"("Error":{"Code":"InvalidAction","Message":""})";
      if (!connection.send(http_response(200, {}, R"({"Response":{)" + members + R"(,"RequestId":"req-5"}})"))) return;
    }
  }

  mutable std::mutex mutex_;
  std::map<std::string, Reply> replies_;
  std::vector<HttpRequest> requests_;
  RawServer server_;  // last: stops first
};

/// Credentials in files, as an account has them.
class FileCredentials {
 public:
  explicit FileCredentials(const Clock& clock) {
    dir_.write("id", kFakeCredential.secret_id);
    dir_.write("key", kFakeCredential.secret_key);
    CredentialSpec spec;
    spec.source = CredentialSpec::Source::files;
    spec.secret_id_file = dir_ / "id";
    spec.secret_key_file = dir_ / "key";
    provider_ = std::make_shared<CredentialProvider>("prod", spec, clock);
    if (!provider_->load()) throw std::runtime_error("no fake credentials");
  }
  ApiAccount account(const std::string& endpoint, Millis timeout = Millis{5000}) const {
    return {"prod", endpoint, timeout, "", provider_};
  }

 private:
  TempDir dir_;
  std::shared_ptr<CredentialProvider> provider_;
};

}  // namespace codedriftd::test
