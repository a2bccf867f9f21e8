# Every tests/fuzz/NAME_fuzz.cpp defines LLVMFuzzerTestOneInput and becomes the binary fuzz_NAME; ctest
# runs each for a few seconds over tests/fuzz/corpus/NAME, whose files are its seeds and past failures.

set(CHAINRULE_FUZZ_SECONDS 10 CACHE STRING "Seconds that ctest gives each fuzzer")
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "The fuzzers need clang: cmake --preset fuzz")
endif()

file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/../fuzz/*_fuzz.cpp)
foreach(source IN LISTS fuzzers)
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" name ${name})
  set(target fuzz_${name})
  add_executable(${target} ${source})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE chainrule::chainrule chainrule_warnings chainrule_arithmetic)
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  foreach(component IN ITEMS draw emit tensor nn expr)
    if(TARGET chainrule_${component})
      target_link_libraries(${target} PRIVATE chainrule::${component})
    endif()
  endforeach()
  if(name STREQUAL "kernel")  # what a kernel is held against
    set(tests ${PROJECT_SOURCE_DIR}/tests)
    target_sources(${target} PRIVATE ${tests}/emit/readings.cpp ${tests}/graph/traces.cpp
      ${tests}/optimise/wild.cpp ${tests}/support/radius.cpp)
  endif()
  set(found ${PROJECT_BINARY_DIR}/tests/corpus/${name})
  set(seeds ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  file(MAKE_DIRECTORY ${found})
  if(NOT IS_DIRECTORY ${seeds})
    set(seeds)
  endif()
  add_test(NAME ${target} COMMAND ${target} -max_total_time=${CHAINRULE_FUZZ_SECONDS} -timeout=10
           -rss_limit_mb=2048 ${found} ${seeds})
  set_tests_properties(${target} PROPERTIES LABELS fuzz)
endforeach()
