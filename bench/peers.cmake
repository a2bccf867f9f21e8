# The libraries that families_bench compares with, each if it is found. `name` is the target.
if(name STREQUAL "families_bench")
  target_sources(${name} PRIVATE contestant_chainrule.cpp)

  # A peer's headers are not held to this project's warnings, nor its arithmetic to this one's flags.
  function(bench_peer peer)
    cmake_parse_arguments(with "" "" "INCLUDES;DEFINITIONS;LIBRARIES" ${ARGN})
    add_library(bench_${peer} OBJECT peers/${peer}.cpp)
    target_include_directories(bench_${peer} PRIVATE ${PROJECT_SOURCE_DIR})
    target_include_directories(bench_${peer} SYSTEM PRIVATE ${with_INCLUDES})
    target_compile_definitions(bench_${peer} PRIVATE ${with_DEFINITIONS})
    target_compile_options(bench_${peer} PRIVATE -fno-math-errno)
    string(TOUPPER ${peer} upper)
    target_compile_definitions(families_bench PRIVATE BENCH_WITH_${upper})
    target_link_libraries(families_bench PRIVATE bench_${peer} ${with_LIBRARIES})
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
endif()
