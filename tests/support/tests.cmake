# chainrule_test_support()       once: the libraries every test has, and one precompiled header for all
# chainrule_test_folder(NAME)    tests/NAME/*_test.cpp  ->  test_NAME, which links chainrule::chainrule
#                                and, where it is another folder's, chainrule::NAME
#
# tests/NAME may hold tests.cmake, read after the target test_NAME is made, for what is its own.

include(GoogleTest)

set(chainrule_tests_dir ${CMAKE_CURRENT_LIST_DIR}/..)

function(chainrule_test_support)
  find_package(GTest REQUIRED)
  find_package(rapidcheck CONFIG QUIET)
  find_package(Eigen3 CONFIG QUIET)
  set(Boost_NO_WARN_NEW_VERSIONS ON)
  find_package(Boost 1.74 QUIET)
  find_package(Threads REQUIRED)
  find_library(CHAINRULE_MPFR mpfr)
  find_library(CHAINRULE_GMP gmp)

  # Tests share these compile options, and with them one precompiled header.
  add_library(chainrule_test_needs INTERFACE)
  target_include_directories(chainrule_test_needs INTERFACE ${PROJECT_SOURCE_DIR})
  target_link_libraries(chainrule_test_needs INTERFACE
    chainrule::chainrule chainrule_warnings chainrule_arithmetic chainrule_assertions
    GTest::gtest Threads::Threads)
  target_compile_definitions(chainrule_test_needs INTERFACE
    CHAINRULE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    CHAINRULE_BINARY_DIR="${PROJECT_BINARY_DIR}"
    CHAINRULE_TOOL="${PROJECT_BINARY_DIR}/bin/chainrule"
    CHAINRULE_TEST_SANITIZED=$<BOOL:${CHAINRULE_SANITIZE}>)
  # GoogleTest's TYPED_TEST_SUITE and friends pass no variadic argument.
  target_compile_options(chainrule_test_needs INTERFACE
    $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wno-gnu-zero-variadic-macro-arguments>)
  if(rapidcheck_FOUND)
    target_link_libraries(chainrule_test_needs INTERFACE rapidcheck rapidcheck_gtest)
  endif()
  if(Eigen3_FOUND)
    target_link_libraries(chainrule_test_needs INTERFACE Eigen3::Eigen)
  endif()
  if(Boost_FOUND)
    target_link_libraries(chainrule_test_needs INTERFACE Boost::headers)
  endif()
  if(CHAINRULE_MPFR AND CHAINRULE_GMP)
    target_link_libraries(chainrule_test_needs INTERFACE ${CHAINRULE_MPFR} ${CHAINRULE_GMP})
  endif()

  # main() and the precompiled header.
  add_library(chainrule_test_main STATIC ${chainrule_tests_dir}/support/main.cpp)
  target_link_libraries(chainrule_test_main PUBLIC chainrule_test_needs chainrule_precompiled)
  target_precompile_headers(chainrule_test_main PRIVATE
    <gtest/gtest.h> <cmath> <cstdint> <limits> <string> <vector> <algorithm> <functional> <sstream>)
endfunction()

function(chainrule_test_folder name)
  set(folder ${chainrule_tests_dir}/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  if(name STREQUAL "cli" AND NOT TARGET chainrule_tool)
    return()
  endif()
  if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/chainrule/${name} AND NOT TARGET chainrule_${name})
    return()  # a folder that is left out, for want of a library
  endif()
  set(target test_${name})
  add_executable(${target} ${sources})
  target_link_libraries(${target} PRIVATE chainrule_test_main)
  if(TARGET chainrule_${name})
    target_link_libraries(${target} PRIVATE chainrule::${name})
  endif()
  target_precompile_headers(${target} REUSE_FROM chainrule_test_main)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/bin)
  if(name STREQUAL "cli")
    add_dependencies(${target} chainrule_tool)
  endif()
  if(CHAINRULE_TEST_GRANULARITY STREQUAL "case")
    gtest_discover_tests(${target} TEST_PREFIX "${name}: " WORKING_DIRECTORY ${PROJECT_BINARY_DIR}/tests
      PROPERTIES LABELS ${name} DISCOVERY_TIMEOUT 60)
  else()
    add_test(NAME ${target} COMMAND ${target} --gtest_brief=1
      WORKING_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    set_tests_properties(${target} PROPERTIES LABELS ${name} TIMEOUT 900)
  endif()
  include(${folder}/tests.cmake OPTIONAL)
endfunction()
