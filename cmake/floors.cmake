# The floors of the house: the one list of folders, the floor each stands on, the lower folders it
# may include (and therefore links), and the outside libraries it uses privately.
#
# Two readers give `chainrule_floor` its meaning: cmake/targets.cmake makes one target of each line,
# and tests/floors/check.cmake holds every #include line against it.
#
#   FLOOR     its height: LINKS names lower floors only
#   OPTIONAL  left out, rather than an error, where what it USES is not there and the tool is not built
#   LINKS     every folder whose headers it may include
#   READS     those of them whose private headers its sources may include as well: readings of the tape
#   USES      libraries it cannot be built without           (cmake/libraries.cmake says how to find them)
#   MAY_USE   libraries it degrades without

chainrule_floor(chainrule/base       FLOOR 0)
chainrule_floor(chainrule/op         FLOOR 1 LINKS base                   USES boost_math)
chainrule_floor(chainrule/tape       FLOOR 2 LINKS base op)
chainrule_floor(chainrule/graph      FLOOR 3 LINKS base op tape           READS tape USES pegtl boost_math)
chainrule_floor(chainrule/transform  FLOOR 4 LINKS base op tape graph     READS tape)
chainrule_floor(chainrule/block      FLOOR 4 OPTIONAL LINKS base op tape graph     READS tape USES eigen)
chainrule_floor(chainrule/optimise   FLOOR 5 LINKS base op tape graph)
chainrule_floor(chainrule/emit       FLOOR 6 LINKS base op tape graph transform optimise    READS tape graph MAY_USE asmjit sleef)
chainrule_floor(chainrule/tensor     FLOOR 7 OPTIONAL LINKS base op tape graph transform optimise emit   READS tape
                                     USES openblas random123 MAY_USE libzip)
chainrule_floor(chainrule/nn         FLOOR 8 OPTIONAL LINKS base op tape graph transform optimise emit tensor READS tensor
                                     USES openblas nlohmann_json fast_float)
chainrule_floor(chainrule/draw       FLOOR 8 OPTIONAL LINKS base op tape graph transform USES nlohmann_json MAY_USE graphviz gnuplot)
chainrule_floor(chainrule/expr       FLOOR 8 OPTIONAL LINKS base op tape graph transform USES pegtl)
chainrule_floor(cli                  FLOOR 9 LINKS base op tape graph transform block optimise emit tensor nn draw expr
                                     USES cli11 fmt nlohmann_json)

# What `#include <chainrule/chainrule.hpp>` brings, and so what chainrule::chainrule links.
chainrule_umbrella(base op tape graph transform)
