# The points at which the laws ask the rows, a count of allocations; random traces, and what is
# promised of them; blocks of user code.
target_sources(test_emit PRIVATE
  ${folder}/../laws/kinks.cpp ${folder}/../laws/reading.cpp ${folder}/../laws/samples.cpp
  ${folder}/../support/allocations.cpp ${folder}/../support/in_floats.cpp ${folder}/../support/radius.cpp
  ${folder}/../graph/traces.cpp ${folder}/../optimise/wild.cpp
  ${folder}/readings.cpp ${folder}/shrink.cpp)
if(TARGET chainrule_block)
  target_link_libraries(test_emit PRIVATE chainrule::block)
else()  # left out, for want of Eigen
  set_source_files_properties(${folder}/scalars_test.cpp PROPERTIES HEADER_FILE_ONLY ON)
endif()
# What debug_test runs under gdb.
add_executable(debugged_program ${folder}/debugged_program.cpp)
target_link_libraries(debugged_program PRIVATE chainrule::emit)
set_target_properties(debugged_program PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/bin)
add_dependencies(test_emit debugged_program)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT CHAINRULE_SANITIZE)
  add_test(NAME "emit: code for AVX is shared with no other source"
           COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} "-DOBJECTS=$<TARGET_OBJECTS:chainrule_emit>"
                   -P ${folder}/own_code.cmake)
  set_tests_properties("emit: code for AVX is shared with no other source" PROPERTIES LABELS emit)
endif()
