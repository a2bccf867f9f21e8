# One target per folder, made from cmake/floors.cmake.
#
# A folder of sources becomes a static library chainrule_NAME (alias chainrule::NAME); one of headers
# only becomes an INTERFACE target; one that does not exist yet is passed over.  cli/ becomes the tool.
# Sources are globbed: a new .cpp is picked up by the next build.

include(GNUInstallDirs)

# A source named NAME_avx2.cpp or NAME_avx512.cpp is compiled for such processors, for the sake of their
# calling convention: clang 14 passes a vector by the file's instruction set, whatever the function's.
# It must share no inline function with other sources (tests/emit/own_code.cmake).
function(chainrule_instruction_sets)
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    return()
  endif()
  foreach(source IN LISTS ARGN)
    if(source MATCHES "_avx2\\.cpp$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma")
    elseif(source MATCHES "_avx512\\.cpp$")
      set_source_files_properties(${source} PROPERTIES
        COMPILE_OPTIONS "-mavx512f;-mavx512dq;-mavx512vl;-mfma")
    endif()
  endforeach()
endfunction()

function(chainrule_floor folder)
  cmake_parse_arguments(floor "OPTIONAL" "FLOOR" "LINKS;READS;USES;MAY_USE" ${ARGN})
  get_filename_component(name ${folder} NAME)
  set(is_tool FALSE)
  if(folder STREQUAL "cli")
    set(is_tool TRUE)
  endif()
  if(is_tool AND NOT CHAINRULE_BUILD_TOOL)
    return()
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cpp)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.hpp)
  if(NOT sources AND (is_tool OR NOT headers))
    return()
  endif()

  # Libraries first: a floor that lacks one it cannot do without is left out, unless the tool needs it.
  set(links)
  set(definitions)
  foreach(library IN LISTS floor_USES)
    chainrule_find_library(${library})
    if(${library}_FOUND)
      list(APPEND links ${${library}_LINK})
    elseif(CHAINRULE_BUILD_TOOL OR NOT floor_OPTIONAL)
      message(FATAL_ERROR "${folder} needs ${${library}_HINT}. scripts/setup installs it; "
                          "-DCHAINRULE_BUILD_TOOL=OFF builds without the tool.")
    else()
      message(STATUS "chainrule: ${folder} is left out: it needs ${${library}_HINT}")
      return()
    endif()
  endforeach()
  foreach(library IN LISTS floor_MAY_USE)
    chainrule_find_library(${library})
    string(TOUPPER ${library} upper)
    if(${library}_FOUND)
      list(APPEND links ${${library}_LINK})
      list(APPEND definitions CHAINRULE_WITH_${upper}=1)
      set_property(GLOBAL APPEND PROPERTY CHAINRULE_FOUND_LIBRARIES ${library})
    else()
      list(APPEND definitions CHAINRULE_WITH_${upper}=0)
      message(STATUS "chainrule: ${folder} is built without ${${library}_HINT}")
    endif()
  endforeach()
  set(lower)
  foreach(link IN LISTS floor_LINKS)
    if(TARGET chainrule_${link})
      list(APPEND lower chainrule_${link})
    endif()
  endforeach()

  set(quality $<BUILD_INTERFACE:chainrule_warnings> $<BUILD_INTERFACE:chainrule_arithmetic>
              $<BUILD_INTERFACE:chainrule_assertions>)
  if(is_tool)
    add_executable(chainrule_tool ${sources})
    set_target_properties(chainrule_tool PROPERTIES
      OUTPUT_NAME chainrule RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
    target_include_directories(chainrule_tool PRIVATE ${PROJECT_SOURCE_DIR})
    target_compile_definitions(chainrule_tool PRIVATE
      CHAINRULE_VERSION="${PROJECT_VERSION}" ${definitions})
    target_link_libraries(chainrule_tool PRIVATE ${lower} ${links} ${quality} chainrule_precompiled)
    # Every verb declares its options, and reading CLI11 would be half of each file's compile time.
    target_precompile_headers(chainrule_tool PRIVATE <CLI/CLI.hpp>)
    install(TARGETS chainrule_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    return()
  endif()

  set(target chainrule_${name})
  set(include_root $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  if(sources)
    chainrule_instruction_sets(${sources})
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC ${include_root})
    target_compile_features(${target} PUBLIC cxx_std_20)
    target_compile_definitions(${target} PRIVATE ${definitions})
    target_link_libraries(${target} PUBLIC ${lower} PRIVATE ${links} ${quality})
    set_target_properties(${target} PROPERTIES
      POSITION_INDEPENDENT_CODE ON ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
    # Inside another project only the folders that it links are built.
    if(NOT PROJECT_IS_TOP_LEVEL AND NOT CHAINRULE_INSTALL)
      set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${include_root})
    target_compile_features(${target} INTERFACE cxx_std_20)
    target_link_libraries(${target} INTERFACE ${lower})
  endif()
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  add_library(chainrule::${name} ALIAS ${target})
  set_property(GLOBAL APPEND PROPERTY CHAINRULE_COMPONENTS ${name})
endfunction()

# chainrule::chainrule: what the umbrella header needs.
function(chainrule_umbrella)
  add_library(chainrule_chainrule INTERFACE)
  foreach(name IN LISTS ARGN)
    if(TARGET chainrule_${name})
      target_link_libraries(chainrule_chainrule INTERFACE chainrule_${name})
      set_property(GLOBAL APPEND PROPERTY CHAINRULE_CORE ${name})
    endif()
  endforeach()
  set_target_properties(chainrule_chainrule PROPERTIES EXPORT_NAME chainrule)
  add_library(chainrule::chainrule ALIAS chainrule_chainrule)
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/floors.cmake)
