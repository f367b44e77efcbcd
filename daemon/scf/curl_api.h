#pragma once
#include <vector>

#include "base/clock.h"
#include "scf/api.h"
#include "scf/signed_calls.h"
#include "scf/value_polls.h"

namespace codedriftd {

/// Calls the real API. One thread owns it, as api.h says.
class CurlApi final : public Api {
 public:
  /// `clock` must outlive this.
  explicit CurlApi(const Clock& clock) : clock_(clock), calls_(clock), values_(calls_, clock) {}

  /// As SignedCalls::set_accounts.
  void set_accounts(std::vector<ApiAccount> accounts);

  /// A call for an account that is not there (removed by a reload) is answered Client.NoCredentials. Throws
  /// std::logic_error for a target with a part that is not valid.
  void start(const ApiCall& call, Callback done) override;
  void turn(Millis at_most) override;
  void wake() override { calls_.wake(); }
  std::size_t in_flight() const override { return calls_.in_flight() + values_.waiting(); }

 private:
  const Clock& clock_;
  SignedCalls calls_;
  ValuePolls values_;
};

}  // namespace codedriftd
