# Plants one violation at a time in a small tree and expects check.cmake to name it; a clean tree passes.
#
#   cmake -DROOT=<repository> -DWORK=<scratch> -P check_the_check.cmake

cmake_minimum_required(VERSION 3.22)

function(expect what file text verdict)
  file(REMOVE_RECURSE ${WORK})
  file(WRITE ${WORK}/chainrule/base/ids.hpp "#include <cstdint>\n")
  file(WRITE ${WORK}/chainrule/op/op.hpp "#include \"chainrule/base/ids.hpp\"\n")
  file(WRITE ${WORK}/chainrule/op/detail/table.hpp "\n")
  file(WRITE ${WORK}/chainrule/chainrule.hpp "#include \"chainrule/op/op.hpp\"\n")
  file(APPEND ${WORK}/${file} "${text}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${WORK} -DFLOORS=${ROOT}/cmake/floors.cmake
                          -P ${ROOT}/tests/floors/check.cmake
    RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(verdict STREQUAL "clean" AND NOT code EQUAL 0)
    message(FATAL_ERROR "${what}: should pass, but:\n${output}")
  elseif(NOT verdict STREQUAL "clean" AND (code EQUAL 0 OR NOT output MATCHES "${verdict}"))
    message(FATAL_ERROR "${what}: should be reported as '${verdict}', but:\n${output}")
  endif()
  message(STATUS "${what}")
endfunction()

expect("a clean tree passes" chainrule/op/op.hpp "" clean)
expect("a higher floor" chainrule/base/ids.hpp "#include \"chainrule/op/op.hpp\""
       "base \\(floor 0\\) may not include op \\(floor 1\\)")
expect("a higher floor in angle brackets, indented" chainrule/op/op.hpp "  #  include <chainrule/tape/tape.hpp>"
       "op \\(floor 1\\) may not include tape \\(floor 2\\)")
expect("a neighbour on the same floor" chainrule/draw/draw.cpp "#include \"chainrule/expr/parse.hpp\""
       "draw \\(floor 8\\) may not include expr \\(floor 8\\)")
expect("the tool from below" chainrule/expr/parse.cpp "#include \"cli/verbs.hpp\"" "may not include cli")
expect("the umbrella from below" chainrule/tape/tape.hpp "#include <chainrule/chainrule.hpp>" "umbrella")
expect("the umbrella reaching too high" chainrule/chainrule.hpp "#include \"chainrule/draw/draw.hpp\""
       "may not include draw")
expect("another folder's private header" chainrule/tape/tape.cpp "#include \"chainrule/op/detail/table.hpp\""
       "private to op")
expect("a private header in a public one" chainrule/op/op.hpp "#include \"chainrule/op/detail/table.hpp\""
       "private to op")
expect("a folder nobody listed" chainrule/attic/old.hpp "" "attic is not in cmake/floors.cmake")
expect("a relative path" chainrule/op/op.cpp "#include \"../base/ids.hpp\"" "path from the root")
expect("a .def" chainrule/op/ops.def "#include \"chainrule/tape/tape.hpp\"" "may not include tape")
