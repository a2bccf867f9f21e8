# Plants one bad header at a time in a small tree and expects check.cmake to name it.
#
#   cmake -DROOT=<repository> -DCOMPILER=<c++> -DWORK=<scratch> -P check_the_check.cmake

cmake_minimum_required(VERSION 3.22)

function(expect what text verdict)
  file(REMOVE_RECURSE ${WORK})
  file(COPY ${ROOT}/tests/headers/forbidden.txt DESTINATION ${WORK}/tests/headers)
  file(WRITE ${WORK}/chainrule/base/below.hpp "#pragma once\n#include <cmath>\n#include <string>\n")
  file(WRITE ${WORK}/chainrule/op/planted.hpp "${text}\n")
  file(WRITE ${WORK}/chainrule/chainrule.hpp "#pragma once\n#include \"chainrule/op/planted.hpp\"\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${WORK} -DCOMPILER=${COMPILER} -DWORK=${WORK}/out
                          -P ${ROOT}/tests/headers/check.cmake
    RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(verdict STREQUAL "clean" AND NOT code EQUAL 0)
    message(FATAL_ERROR "${what}: should pass, but:\n${output}")
  elseif(NOT verdict STREQUAL "clean" AND (code EQUAL 0 OR NOT output MATCHES "${verdict}"))
    message(FATAL_ERROR "${what}: should be reported as '${verdict}', but:\n${output}")
  endif()
  message(STATUS "${what}")
endfunction()

expect("a sound header passes" "#pragma once\n#include \"chainrule/base/below.hpp\"" clean)
expect("a heavy header" "#pragma once\n#include <functional>" "planted.hpp pulls in <functional>")
expect("a heavy header through another" "#pragma once\n#include <complex>" "pulls in <sstream>")
expect("a header too dear for the umbrella" "#pragma once\n#include <memory>" "chainrule/chainrule.hpp pulls in <memory>")
expect("a name that it forgot to include" "#pragma once\ninline std::string s;" "planted.hpp does not compile alone")
expect("a header without a guard" "struct Once {};" "does not compile alone")
