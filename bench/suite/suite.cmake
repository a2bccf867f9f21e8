# suite, the benchmark of the families that the literature measures: <build>/bin/suite.
#
#   bench_manual        plain values and hand-written derivatives, in the flags that a careful user of
#                       this machine would choose
#   suite               everything else, in the flags of the build
#
# Sets BENCH_WITH_COMPILE: whether the library has compile().
chainrule_find_library(nlohmann_json)
if(NOT nlohmann_json_FOUND)
  message(STATUS "chainrule: the benchmark suite is left out: it needs ${nlohmann_json_HINT}")
  return()
endif()

set(BENCH_HAND_FLAGS -O3 -march=native -ffp-contract=fast -fno-math-errno)
file(GLOB hand_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/suite/manual/*.cpp)
add_library(bench_manual OBJECT ${hand_sources})
target_include_directories(bench_manual PRIVATE ${PROJECT_SOURCE_DIR})
target_compile_options(bench_manual PRIVATE ${BENCH_HAND_FLAGS})
target_link_libraries(bench_manual PRIVATE chainrule_warnings)

file(GLOB suite_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/suite/*.cpp
     ${CMAKE_CURRENT_SOURCE_DIR}/suite/families/*.cpp)
add_executable(suite ${suite_sources} suite/peers/peers.cpp)
set_target_properties(suite PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
target_include_directories(suite PRIVATE ${PROJECT_SOURCE_DIR})
string(REPLACE ";" " " hand_flags "${BENCH_HAND_FLAGS}")
target_compile_definitions(suite PRIVATE
  "BENCH_FLAGS=\"${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_RELEASE}\""
  "BENCH_HAND_FLAGS=\" ${hand_flags}\"")
target_link_libraries(suite PRIVATE
  bench_manual chainrule::chainrule chainrule_warnings chainrule_arithmetic
  ${nlohmann_json_LINK})

# The compiled contestants, where there is a compile().
set(BENCH_WITH_COMPILE 0)
file(GLOB emit_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/chainrule/emit/*.cpp)
foreach(source IN LISTS emit_sources)
  file(STRINGS ${source} found REGEX "^Kernel compile\\(")
  if(found)
    set(BENCH_WITH_COMPILE 1)
  endif()
endforeach()
target_compile_definitions(suite PRIVATE BENCH_WITH_COMPILE=${BENCH_WITH_COMPILE})
if(BENCH_WITH_COMPILE)
  target_link_libraries(suite PRIVATE chainrule::emit chainrule::optimise)
endif()

chainrule_find_library(gnuplot)
if(gnuplot_FOUND)
  target_compile_definitions(suite PRIVATE BENCH_WITH_GNUPLOT=1)
  target_link_libraries(suite PRIVATE ${gnuplot_LINK})
else()
  target_compile_definitions(suite PRIVATE BENCH_WITH_GNUPLOT=0)
endif()
