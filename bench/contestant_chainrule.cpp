#include "bench/chainrule_contestant.hpp"

namespace bench {
Library with_chainrule() { return library_of<WithChainrule, Library>("chainrule"); }
}  // namespace bench
