#pragma once
#include <vector>

#include "base/clock.h"
#include "scf/read_api.h"
#include "scf/signed_calls.h"

namespace codedriftd {

/// Calls the real API. One thread owns it, as read_api.h says.
class CurlReadApi final : public ReadApi {
 public:
  /// `clock` must outlive this.
  explicit CurlReadApi(const Clock& clock) : calls_(clock) {}

  /// As SignedCalls::set_accounts.
  void set_accounts(std::vector<ApiAccount> accounts) { calls_.set_accounts(std::move(accounts)); }

  /// `done` runs inside a later turn(), exactly once, within the account's timeout. A call for an account that is not
  /// there is answered Client.NoCredentials. Throws std::logic_error for a region that is no part of an address, and
  /// for GetFunctionAddress, which is the poll's.
  void start(const ReadCall& call, Callback done) override;
  void turn(Millis at_most) override { calls_.turn(at_most); }
  void wake() override { calls_.wake(); }
  std::size_t in_flight() const override { return calls_.in_flight(); }

 private:
  SignedCalls calls_;
};

}  // namespace codedriftd
