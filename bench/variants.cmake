# variants_bench times chainrule as it is beside copies that leave out one thing that every operation
# pays for. A copy is made of the headers as they stand: one line of recorder.hpp is replaced.
if(name STREQUAL "variants_bench")
  set(recorder chainrule/tape/recorder.hpp)
  file(GLOB tape_sources ${PROJECT_SOURCE_DIR}/chainrule/tape/*.cpp)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${recorder})

  function(bench_variant variant from to)
    file(READ ${PROJECT_SOURCE_DIR}/${recorder} text)
    string(REPLACE "${from}" "${to}" changed "${text}")
    if(changed STREQUAL text AND NOT from STREQUAL to)
      message(FATAL_ERROR "${recorder} has no longer the line that the variant ${variant} replaces: ${from}")
    endif()
    set(root ${CMAKE_CURRENT_BINARY_DIR}/variants/${variant})
    file(CONFIGURE OUTPUT ${root}/${recorder} CONTENT "${changed}" @ONLY)
    add_executable(variant_${variant} variant.cpp ${tape_sources})
    set_target_properties(variant_${variant} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin/variants OUTPUT_NAME ${variant})
    target_include_directories(variant_${variant} PRIVATE ${root} ${PROJECT_SOURCE_DIR})
    target_link_libraries(variant_${variant} PRIVATE
      chainrule::op chainrule::base chainrule_warnings chainrule_arithmetic)
    add_dependencies(variants_bench variant_${variant})
  endfunction()

  bench_variant(as_it_is "" "")
  bench_variant(handles_unchecked "return stamps[slot_of(handle_stamp)] == handle_stamp;"
                                  "return handle_stamp != 0;")
  bench_variant(no_thread_local "inline thread_local constinit Recorder*" "inline constinit Recorder*")
endif()
