# A source compiled for processors with AVX must not hold a copy of a function that others hold too: the
# linker could keep it for the whole program, which then needs such a processor.
#
#   cmake -DNM=<nm> -DOBJECTS=<list> -P own_code.cmake

set(seen 0)
foreach(object IN LISTS OBJECTS)
  if(NOT object MATCHES "_avx(2|512)\\.cpp\\.o$")
    continue()
  endif()
  math(EXPR seen "${seen} + 1")
  execute_process(COMMAND ${NM} --demangle --defined-only ${object} OUTPUT_VARIABLE symbols
                  COMMAND_ERROR_IS_FATAL ANY)
  # W, V, u: kept once for all sources that have it.
  string(REGEX MATCHALL "[^\n]* [WVu] [^\n]*" shared "${symbols}")
  if(shared)
    string(REPLACE ";" "\n" shared "${shared}")
    message(FATAL_ERROR "${object} shares\n${shared}")
  endif()
endforeach()
if(seen EQUAL 0)
  message(FATAL_ERROR "no source is compiled for AVX")
endif()
