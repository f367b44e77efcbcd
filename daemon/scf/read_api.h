#pragma once
/// The calls beside the poll: what there is, what changed, and who changed it. All of them read.
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "model/attribution.h"
#include "model/inventory.h"
#include "model/observation.h"
#include "model/value.h"
#include "scf/actions.h"
#include "scf/api.h"

namespace codedriftd {

struct ReadCall {
  Action action = Action::list_functions;
  std::string account, region;
  std::string body;  ///< JSON; see scf/requests.h
  bool new_connection = false;
};

// ---- what comes back, by action -------------------------------------------------------------------------------------

/// GetAccount: how many functions each namespace has, and their names.
struct AccountUsage {
  struct Namespace {
    std::string name;
    int64_t functions = 0;
    std::vector<std::string> names;
  };
  std::vector<Namespace> namespaces;
};
struct NamespacePage {
  std::vector<std::string> names;
  int64_t total = 0;
};
struct FunctionPage {
  std::vector<FoundFunction> functions;
  /// Functions whose name or namespace is no part of an address, as harmless text: they are there, and cannot be
  /// watched.
  std::vector<std::string> unreadable;
  int64_t total = 0;
};
struct VersionPage {
  std::vector<std::string> versions;  ///< published ones: numbers, not `$LATEST`
  std::size_t entries = 0;            ///< with `$LATEST`
  int64_t total = 0;                  ///< here and of aliases: `entries` if it is not told and the page is not full
};
struct FoundAlias {
  std::string name;
  AliasRoute route;
};
struct AliasPage {
  std::vector<FoundAlias> aliases;
  std::size_t entries = 0;  ///< with those whose name is no part of an address: they are not in `aliases`
  int64_t total = 0;
};
/// GetFunction: these members and no others leave the parser. Environment variables are secrets.
struct FunctionDetail {
  struct Layer {
    std::string name;
    int64_t version = 0;
  };
  std::vector<Layer> layers;  ///< in the order in which they count
  std::string status;
  std::string image_uri;  ///< empty: no image
};
struct LayerVersion {
  Sha256 sha256{};
  std::string status;
};
/// What lies in a record as text (CloudAuditEvent, and in it requestParameters) may be cut off or of another form: what
/// cannot be read of it counts as not told, and the record stays.
struct AuditPage {
  std::vector<ChangeRecord> records;
  std::string next;  ///< the token of the next page; empty: this was the last
};

using ReadContent = std::variant<std::monostate, AccountUsage, NamespacePage, FunctionPage, VersionPage, AliasPage,
                                 FoundAlias, FunctionDetail, LayerVersion, AuditPage>;

struct ReadAnswer {
  PollError error;        ///< empty code: `content` holds what the action gives
  CodeMeaning meaning{};  ///< of the error; its outcome is `observed` for a success
  Millis took{0};
  std::optional<Millis> clock_error;  ///< as in ApiAnswer
  ReadContent content;
};

/// Reads the body of an answer to `action`, strictly: a member that is missing or of another type than documented is
/// Client.BadAnswer, which names it; a list that is null is empty. Pure. Throws std::logic_error for
/// GetFunctionAddress, which read_answer() reads. Whatever else the body holds is overwritten in the parser's buffers;
/// the body is the caller's to wipe.
ReadAnswer read_content(Action action, std::string_view body, int http_status = 200);

/// Seam for tests: carries these calls. One thread owns an object and makes every call on it but `wake`; as Api.
class ReadApi {
 public:
  using Callback = std::function<void(ReadAnswer)>;
  virtual ~ReadApi() = default;
  virtual void start(const ReadCall& call, Callback done) = 0;
  virtual void turn(Millis at_most) = 0;
  virtual void wake() = 0;
  virtual std::size_t in_flight() const = 0;
};

}  // namespace codedriftd
