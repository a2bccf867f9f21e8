# cmake -DROOT=<repository> -DCOMPILER=<c++> -DSOURCE=<file> -P check.cmake

cmake_minimum_required(VERSION 3.22)

file(STRINGS ${SOURCE} lines REGEX "^// expect: ")
list(LENGTH lines count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "${SOURCE}: one line `// expect: REGEX` is needed, ${count} found")
endif()
string(REGEX REPLACE "^// expect: " "" expected "${lines}")

execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only -Wall -Werror=unused-result -I${ROOT} ${SOURCE}
  RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(expected STREQUAL "success")
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "The control does not compile, so the others prove nothing:\n${output}")
  endif()
elseif(code EQUAL 0)
  message(FATAL_ERROR "It compiles.")
elseif(NOT output MATCHES "${expected}")
  message(FATAL_ERROR "It fails, but not with '${expected}':\n${output}")
endif()
