#pragma once
#include <atomic>
#include <functional>
#include <semaphore>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "store/db/database.h"
#include "web/pages/pages.h"

namespace codedriftd {

/// The site on the status page's port: pages and API over one consistent view of the record for each request. Reads
/// only, over connections of its own, in the process of the daemon that writes the record. Thread-safe: two requests
/// are answered at a time, a few wait for their turn, and more are told to come again, so that a report that takes long
/// leaves the threads of the page to others; and a report that takes longer than a request may is given up.
class Site {
 public:
  static constexpr Millis kLongest{10'000};

  /// `open`: a new connection that reads the record, which this process has open for writing; called by any thread.
  /// `clock` outlives this object. `longest`: for how long a request may read the record.
  Site(std::function<Database()> open, PageSetting setting, const Clock& clock, Millis longest = kLongest);

  /// What is not answered now is a 503 in words. Throws StoreError and std::runtime_error for a record that cannot be
  /// read.
  WebReply answer(const WebRequest& request);
  /// Gives up what is being answered, and answers nothing more. From any thread.
  void stop() { stopping_ = true; }

 private:
  const std::function<Database()> open_;
  const PageSetting setting_;
  const Clock& clock_;
  const Millis longest_;
  Guarded<std::vector<Database>> idle_;  ///< connections that no request uses now
  std::counting_semaphore<> turns_{2};
  std::atomic<int> here_{0};  ///< requests that are answered or wait for their turn
  std::atomic<bool> stopping_{false};

  bool wait_for_turn();
  WebReply answer_in_turn(const WebRequest& request);
  WebReply refuse(const WebRequest& request, std::string_view title, std::string_view words,
                  std::string retry_after = {}) const;
};

}  // namespace codedriftd
