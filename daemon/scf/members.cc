#include "scf/members.h"

#include <fmt/format.h>

namespace codedriftd {

void Complaint::note(std::string_view member, std::string_view what) {
  if (text_.empty()) text_ = fmt::format("{} {}", member, what);
}

std::string Members::path_to(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void Members::complain(std::string_view name, std::string_view what) const { complaint_->note(path_to(name), what); }

bool Members::has(std::string_view name) const { return object_ && object_->at_key(name).error() == simdjson::SUCCESS; }

std::optional<simdjson::dom::element> Members::element_or_none(std::string_view name) const {
  simdjson::dom::element element;
  if (!object_ || object_->at_key(name).get(element) != simdjson::SUCCESS || element.is_null()) return std::nullopt;
  return element;
}

std::optional<simdjson::dom::element> Members::required(std::string_view name) const {
  const auto element = element_or_none(name);
  if (!element) complain(name, has(name) ? "is null" : "is missing");
  return element;
}

std::string_view Members::text(std::string_view name) const {
  return required(name) ? text_or_none(name) : std::string_view{};
}

std::string_view Members::text_or_none(std::string_view name) const {
  std::string_view text;
  const auto element = element_or_none(name);
  if (element && element->get_string().get(text) != simdjson::SUCCESS) complain(name, "is not a string");
  return text;
}

int64_t Members::count(std::string_view name) const { return required(name) ? count_or_none(name).value_or(0) : 0; }

std::optional<int64_t> Members::count_or_none(std::string_view name) const {
  const auto element = element_or_none(name);
  if (!element) return std::nullopt;
  int64_t count = 0;
  if (element->get_int64().get(count) != simdjson::SUCCESS || count < 0) {
    complain(name, "is not a whole number from 0 on");
    return std::nullopt;
  }
  return count;
}

bool Members::truth(std::string_view name) const {
  bool truth = false;
  const auto element = required(name);
  if (element && element->get_bool().get(truth) != simdjson::SUCCESS) complain(name, "is neither true nor false");
  return truth;
}

double Members::number(std::string_view name) const {
  double number = 0;
  const auto element = required(name);
  if (element && element->get_double().get(number) != simdjson::SUCCESS) complain(name, "is not a number");
  return number;
}

Members Members::object(std::string_view name) const {
  if (required(name)) {
    if (auto members = object_or_none(name)) return *std::move(members);
  }
  return {std::nullopt, path_to(name), *complaint_};
}

std::optional<Members> Members::object_or_none(std::string_view name) const {
  const auto element = element_or_none(name);
  if (!element) return std::nullopt;
  simdjson::dom::object object;
  if (element->get_object().get(object) != simdjson::SUCCESS) {
    complain(name, "is not an object");
    return std::nullopt;
  }
  return Members(object, path_to(name), *complaint_);
}

std::optional<simdjson::dom::array> Members::list(std::string_view name, std::size_t most) const {
  const auto element = element_or_none(name);
  if (!element) {
    if (!has(name)) complain(name, "is missing");
    return std::nullopt;
  }
  simdjson::dom::array array;
  if (element->get_array().get(array) != simdjson::SUCCESS) {
    complain(name, "is not a list");
    return std::nullopt;
  }
  if (array.size() > most) {
    complain(name, fmt::format("has more than {} entries", most));
    return std::nullopt;
  }
  return array;
}

}  // namespace codedriftd
