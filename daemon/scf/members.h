#pragma once
/// Private to scf/: strict reading of the cloud's answers. A member that is missing or of another type than documented
/// is noted by name, once; reading goes on with empty values, and whoever reads asks at the end.
#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace codedriftd {

/// The first thing that was wrong, in words: "Functions[3].FunctionName is missing".
class Complaint {
 public:
  void note(std::string_view member, std::string_view what);
  bool any() const { return !text_.empty(); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// The members of one object. All views live as long as the parser's document.
class Members {
 public:
  /// `path` names the object in complaints; empty: the answer itself.
  Members(std::optional<simdjson::dom::object> object, std::string path, Complaint& complaint)
      : object_(object), path_(std::move(path)), complaint_(&complaint) {}

  /// A string; "", and a complaint, if there is none.
  std::string_view text(std::string_view name) const;
  /// A string; "" if it is missing or null.
  std::string_view text_or_none(std::string_view name) const;
  /// A whole number from 0 on; 0, and a complaint, if there is none.
  int64_t count(std::string_view name) const;
  /// Nullopt if it is missing or null.
  std::optional<int64_t> count_or_none(std::string_view name) const;
  bool truth(std::string_view name) const;
  double number(std::string_view name) const;
  Members object(std::string_view name) const;
  std::optional<Members> object_or_none(std::string_view name) const;
  /// Anything but null.
  std::optional<simdjson::dom::element> element_or_none(std::string_view name) const;

  /// Calls `take` with each object of a list of at most `most`; stops at a complaint. Null is an empty list; one that
  /// is missing is a complaint.
  template <typename Take>
  void each(std::string_view name, std::size_t most, Take take) const {
    if (const auto list = this->list(name, most)) each_of(*list, name, take);
  }
  /// The same, and one that is missing is an empty list.
  template <typename Take>
  void each_if_any(std::string_view name, std::size_t most, Take take) const {
    if (has(name)) each(name, most, take);
  }
  /// Calls `take` with each string of a list.
  template <typename Take>
  void each_text(std::string_view name, std::size_t most, Take take) const {
    const auto list = this->list(name, most);
    if (!list) return;
    for (const simdjson::dom::element item : *list) {
      std::string_view text;
      if (item.get_string().get(text) != simdjson::SUCCESS) return complain(name, "is not a list of strings");
      take(text);
    }
  }

  bool has(std::string_view name) const;
  void complain(std::string_view name, std::string_view what) const;

 private:
  std::optional<simdjson::dom::element> required(std::string_view name) const;
  std::optional<simdjson::dom::array> list(std::string_view name, std::size_t most) const;
  std::string path_to(std::string_view name) const;

  template <typename Take>
  void each_of(const simdjson::dom::array& list, std::string_view name, Take& take) const {
    std::size_t index = 0;
    for (const simdjson::dom::element item : list) {
      simdjson::dom::object object;
      const std::string path = path_to(name) + "[" + std::to_string(index++) + "]";
      if (item.get_object().get(object) != simdjson::SUCCESS) return complaint_->note(path, "is not an object");
      take(Members(object, path, *complaint_));
      if (complaint_->any()) return;
    }
  }

  std::optional<simdjson::dom::object> object_;
  std::string path_;
  Complaint* complaint_;
};

}  // namespace codedriftd
