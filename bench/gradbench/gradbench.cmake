# One executable an eval, <build>/bin/gradbench/NAME, where there is a compile() and nlohmann-json.
if(NOT BENCH_WITH_COMPILE)
  return()
endif()
file(GLOB evals CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/gradbench/*.cpp)
list(FILTER evals EXCLUDE REGEX "/(request|checker)\\.cpp$")
add_library(gradbench_request OBJECT gradbench/request.cpp)
target_include_directories(gradbench_request PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(gradbench_request PUBLIC ${nlohmann_json_LINK}
                      PRIVATE chainrule_warnings chainrule_arithmetic)
add_custom_target(gradbench)
foreach(source IN LISTS evals)
  get_filename_component(name ${source} NAME_WE)
  add_executable(gradbench_${name} ${source})
  set_target_properties(gradbench_${name} PROPERTIES
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin/gradbench)
  target_link_libraries(gradbench_${name} PRIVATE
    gradbench_request bench_manual chainrule::chainrule chainrule::emit chainrule::optimise
    chainrule_warnings chainrule_arithmetic)
  add_dependencies(gradbench gradbench_${name})
endforeach()

# gradbench/check runs it.
add_executable(gradbench_checker gradbench/checker.cpp)
set_target_properties(gradbench_checker PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
target_link_libraries(gradbench_checker PRIVATE ${nlohmann_json_LINK} chainrule_warnings)
