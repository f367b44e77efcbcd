#pragma once
/// What there is in the simulated cloud. Plain data, for one thread at a time.
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace codedriftd::test {

/// "2026-11-26 14:03:09": as SCF writes times, UTC+8 without a zone.
std::string scf_time(int64_t unix_seconds);
/// A text as JSON has it, in quotes.
std::string json_text(std::string_view value);

struct SimulatedVersion {
  std::string sha256;
  int64_t added = 0, modified = 0;  ///< Unix seconds, as all times here
};
struct SimulatedAlias {
  std::string version{};             ///< "$LATEST" or a number
  std::string other{};               ///< the other version that gets a part of the calls; empty: there is none
  double weight = 0;                 ///< of the other, 0 to 1: by weight
  std::vector<std::string> match{};  ///< key, method and expression: by a rule instead
  int64_t added = 0, modified = 0;
};
struct SimulatedLayerUse {
  std::string name;
  int64_t version = 0;
};
struct SimulatedLayer {
  std::string sha256;
  int64_t added = 0;
};

struct SimulatedFunction {
  std::string name, id;  ///< id: "lam-…", another one at each creation
  int64_t added = 0, modified = 0;
  std::string type = "Event", runtime = "Python3.10", status = "Active";
  std::map<std::string, std::string> tags{};
  std::optional<std::string> sha256{};                    ///< of `$LATEST`; nullopt: only others were set
  std::map<int64_t, SimulatedVersion> versions{};         ///< published
  std::map<std::string, SimulatedAlias> aliases{};        ///< by name
  bool has_default = true;                                ///< `$DEFAULT`, whether it is set or not
  std::map<std::string, std::string> other_qualifiers{};  ///< hashes set for what is neither
  std::vector<SimulatedLayerUse> layers{};
  std::string image_uri{};
  std::string listed{};  ///< its entry in ListFunctions, made when it changes: pages are put together from these
};

/// The version that a qualifier leads to: "$LATEST", a number, or an alias's version; empty: there is none.
std::string resolve(const SimulatedFunction& function, const std::string& qualifier);
/// True for "1" and higher numbers: a published version, not an alias.
bool is_version(const std::string& qualifier);

/// One namespace: its functions, and the orders they are listed in. A page is found without walking to it.
class SimulatedNamespace {
 public:
  std::string name, type = "Default";
  int64_t added = 0, modified = 0;

  enum class Order { name, modified, added };
  using List = std::vector<const SimulatedFunction*>;

  SimulatedFunction* find(const std::string& function);
  const SimulatedFunction* find(const std::string& function) const;
  /// REQUIRES: there is none of this name.
  SimulatedFunction& add(SimulatedFunction function);
  void remove(const std::string& function);
  /// Writes: ModTime becomes `now`. What `change` does to the function is in its entry then.
  template <typename Change>
  void write(SimulatedFunction& function, int64_t now, Change change) {
    take_out(function);
    change(function);
    function.modified = now;
    put_in(function);
  }
  /// Ascending; equal times by name.
  const List& in_order(Order order) const;
  std::size_t size() const { return functions_.size(); }

 private:
  void put_in(SimulatedFunction& function);
  void take_out(const SimulatedFunction& function);

  std::map<std::string, SimulatedFunction> functions_;
  List by_name_, by_modified_, by_added_;
};

struct SimulatedRegion {
  std::map<std::string, SimulatedNamespace> namespaces;
  std::map<std::string, std::map<int64_t, SimulatedLayer>> layers;  ///< by name and version
};

}  // namespace codedriftd::test
