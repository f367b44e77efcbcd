#pragma once
/// A JSON value for headers that many files include: nlohmann/json.hpp itself, which takes seconds to compile, is only
/// for the files that look inside (base/json.h).
#include <memory>
#include <nlohmann/json_fwd.hpp>

namespace codedriftd {

using Json = nlohmann::json;                 ///< members sorted by name
using OrderedJson = nlohmann::ordered_json;  ///< members as they were added: for reports people read

/// Holds one Json by value: copies are deep. Never empty: it begins as null.
class JsonBox {
 public:
  JsonBox();
  JsonBox(Json value);  // NOLINT: implicit on purpose
  JsonBox(const JsonBox& other);
  JsonBox(JsonBox&& other) noexcept;
  JsonBox& operator=(JsonBox other) noexcept;
  ~JsonBox();

  Json& operator*() { return *value_; }
  const Json& operator*() const { return *value_; }
  Json* operator->() { return value_.get(); }
  const Json* operator->() const { return value_.get(); }
  friend bool operator==(const JsonBox& a, const JsonBox& b);

 private:
  std::unique_ptr<Json> value_;
};

/// {}: what a JsonBox of members begins as.
JsonBox empty_object();

}  // namespace codedriftd
