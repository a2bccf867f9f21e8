# The points at which the laws ask the rows.
target_sources(test_emit PRIVATE ${folder}/../laws/kinks.cpp ${folder}/../laws/samples.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT CHAINRULE_SANITIZE)
  add_test(NAME "emit: code for AVX is shared with no other source"
           COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} "-DOBJECTS=$<TARGET_OBJECTS:chainrule_emit>"
                   -P ${folder}/own_code.cmake)
  set_tests_properties("emit: code for AVX is shared with no other source" PROPERTIES LABELS emit)
endif()
