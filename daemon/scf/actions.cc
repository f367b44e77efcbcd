#include "scf/actions.h"

namespace codedriftd {
namespace {

constexpr std::string_view kScf = "scf", kScfVersion = "2018-04-16";

constexpr std::array<ActionTraits, kAllActions.size()> kTraits{{
    {"GetFunctionAddress", kScf, kScfVersion, 20, true},
    {"GetAccount", kScf, kScfVersion, 20, true},
    {"ListNamespaces", kScf, kScfVersion, 20, false},
    {"ListFunctions", kScf, kScfVersion, 100, true},
    {"ListVersionByFunction", kScf, kScfVersion, 20, true},
    {"ListAliases", kScf, kScfVersion, 20, true},
    {"GetAlias", kScf, kScfVersion, 20, true},
    {"GetFunction", kScf, kScfVersion, 100, true},
    {"GetLayerVersion", kScf, kScfVersion, 20, false},
    {"DescribeEvents", "cloudaudit", "2019-03-19", 20, true},
}};

}  // namespace

const ActionTraits& traits(Action action) { return kTraits.at(static_cast<std::size_t>(action)); }

}  // namespace codedriftd
