# The libraries that families_bench and the suite compare with, each if it is found.
#
# A peer NAME is a template over the problem, peers/NAME.hpp; peers/NAME.cpp and suite/peers/NAME.cpp
# say with which problems it is made. A peer's headers are not held to this project's warnings, nor
# its arithmetic to this one's flags.
function(bench_peer peer)
  cmake_parse_arguments(with "" "" "INCLUDES;DEFINITIONS;LIBRARIES" ${ARGN})
  string(TOUPPER ${peer} upper)
  foreach(pair families_bench:peers suite:suite/peers)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 target)
    list(GET pair 1 folder)
    if(NOT TARGET ${target})
      continue()
    endif()
    add_library(${target}_${peer} OBJECT ${folder}/${peer}.cpp)
    target_include_directories(${target}_${peer} PRIVATE ${PROJECT_SOURCE_DIR})
    target_include_directories(${target}_${peer} SYSTEM PRIVATE ${with_INCLUDES})
    target_compile_definitions(${target}_${peer} PRIVATE ${with_DEFINITIONS})
    target_compile_options(${target}_${peer} PRIVATE -fno-math-errno)
    target_compile_definitions(${target} PRIVATE BENCH_WITH_${upper})
    target_link_libraries(${target} PRIVATE ${target}_${peer} ${with_LIBRARIES})
  endforeach()
  message(STATUS "Benchmarks: beside ${peer}")
endfunction()

find_path(BENCH_ADOLC adolc/adolc.h)
find_library(BENCH_ADOLC_LIBRARY adolc)
if(BENCH_ADOLC AND BENCH_ADOLC_LIBRARY)
  bench_peer(adolc INCLUDES ${BENCH_ADOLC} LIBRARIES ${BENCH_ADOLC_LIBRARY})
endif()

# Without its configuration header Sacado needs no other part of Trilinos.
find_path(BENCH_SACADO Sacado_trad.hpp PATH_SUFFIXES trilinos)
if(BENCH_SACADO)
  bench_peer(sacado INCLUDES ${BENCH_SACADO} DEFINITIONS TRILINOS_NO_CONFIG_H)
endif()

find_path(BENCH_STAN stan/math/rev/core.hpp
          PATHS /usr/lib/R/site-library/StanHeaders/include /usr/lib/R/library/StanHeaders/include)
find_path(BENCH_EIGEN Eigen/Core PATH_SUFFIXES eigen3)
find_path(BENCH_BOOST boost/math/tools/config.hpp)
find_path(BENCH_TBB tbb/task_arena.h)
if(BENCH_STAN AND BENCH_EIGEN AND BENCH_BOOST AND BENCH_TBB)
  bench_peer(stan INCLUDES ${BENCH_STAN} ${BENCH_EIGEN})
endif()
