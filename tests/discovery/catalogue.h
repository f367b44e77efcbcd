#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "discovery/read_job.h"

namespace codedriftd::test {

/// An answer that is an error, with the meaning that the API's table gives to `code`.
inline ReadAnswer read_refused(const std::string& code) {
  ReadAnswer answer;
  answer.error = {code, "simulated", "request-2"};
  answer.meaning = meaning_of(code);
  return answer;
}
inline ReadAnswer read_ok(ReadContent content) {
  ReadAnswer answer;
  answer.meaning.outcome = Outcome::observed;
  answer.meaning.proves_account = true;
  answer.content = std::move(content);
  return answer;
}

/// A member of a call's body that is a number, or a number as text.
inline std::size_t number_in(const ReadCall& call, const char* member) {
  const Json value = parse_json(call.body).at(member);
  return value.is_string() ? std::stoul(value.get<std::string>()) : value.get<std::size_t>();
}

/// Functions as a cloud would have them, for answers to the calls of jobs.
class Catalogue {
 public:
  std::map<std::string, std::map<std::string, FoundFunction>> namespaces;
  std::size_t longest_page = 100;
  std::vector<ReadCall> calls;

  FoundFunction& add(const std::string& ns, const std::string& name, int64_t modified_at = 0) {
    FoundFunction& function = namespaces[ns][name];
    function.ns = ns;
    function.name = name;
    function.function_id = "lam-" + std::to_string(++ids_);
    function.type = "Event";
    function.status = "Active";
    function.added_at = function.modified_at = WallTime{std::chrono::seconds(modified_at)};
    return function;
  }
  void add_many(const std::string& ns, int count) {
    for (int i = 0; i < count; ++i) add(ns, "f" + std::to_string(10'000 + i), i);
  }

  ReadAnswer answer(const ReadCall& call) {
    calls.push_back(call);
    switch (call.action) {
      case Action::get_account:
        return read_ok(usage());
      case Action::list_namespaces: {
        NamespacePage page;
        for (const auto& [ns, functions] : namespaces) page.names.push_back(ns);
        page.total = static_cast<int64_t>(page.names.size());
        page.names = cut(page.names, call);
        return read_ok(page);
      }
      case Action::list_functions:
        return list(call);
      default:
        return read_refused("InvalidAction");
    }
  }
  AccountUsage usage() const {
    AccountUsage usage;
    for (const auto& [ns, functions] : namespaces) {
      AccountUsage::Namespace& one = usage.namespaces.emplace_back();
      one.name = ns;
      one.functions = static_cast<int64_t>(functions.size());
      for (const auto& [name, function] : functions) one.names.push_back(name);
    }
    return usage;
  }
  std::size_t calls_of(Action action) const {
    return static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [&](const ReadCall& call) { return call.action == action; }));
  }

 private:
  template <typename T>
  std::vector<T> cut(const std::vector<T>& all, const ReadCall& call) const {
    const std::size_t from = std::min(number_in(call, "Offset"), all.size());
    const std::size_t count = std::min({number_in(call, "Limit"), longest_page, all.size() - from});
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
    return {begin, begin + static_cast<std::ptrdiff_t>(count)};
  }
  ReadAnswer list(const ReadCall& call) const {
    const Json body = parse_json(call.body);
    const auto found = namespaces.find(text_at(body, "Namespace"));
    if (found == namespaces.end()) return read_refused("ResourceNotFound.Namespace");
    std::vector<const FoundFunction*> all;
    for (const auto& [name, function] : found->second) all.push_back(&function);
    if (text_at(body, "Orderby") == "ModTime")
      std::stable_sort(all.begin(), all.end(),
                       [](const auto* a, const auto* b) { return a->modified_at > b->modified_at; });
    FunctionPage page;
    page.total = static_cast<int64_t>(all.size());
    for (const FoundFunction* function : cut(all, call)) page.functions.push_back(*function);
    return read_ok(page);
  }

  int ids_ = 0;
};

/// Carries a job to its end, with an answer to each call.
inline void carry(ReadJob& job, const std::function<ReadAnswer(const ReadCall&)>& answer, WallTime at = {}) {
  for (int calls = 0; calls < 20'000; ++calls) {
    const auto call = job.next();
    if (!call) return;
    job.take(answer(*call), at);
  }
  throw std::runtime_error("the job asks for ever");
}

}  // namespace codedriftd::test
