# What `cmake --install` lays down: libraries, public headers, CMake package, pkg-config files.
#
# The core (everything chainrule::chainrule links) is one export set; every other folder is a component
# with its own, so that a program that never draws is not asked for Graphviz, nor one that never compiles
# for asmjit and SLEEF.
# Public headers are *.hpp and *.def outside detail/ that are not named *_internal.hpp.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

get_property(components GLOBAL PROPERTY CHAINRULE_COMPONENTS)
get_property(core GLOBAL PROPERTY CHAINRULE_CORE)
get_property(found GLOBAL PROPERTY CHAINRULE_FOUND_LIBRARIES)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/chainrule)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH prefix_from_pkgconfig /prefix/${pkgconfig_dir} /prefix)
string(REGEX REPLACE "/$" "" prefix_from_pkgconfig "${prefix_from_pkgconfig}")

install(DIRECTORY ${PROJECT_SOURCE_DIR}/chainrule DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.hpp" PATTERN "*.def"
  PATTERN "detail" EXCLUDE PATTERN "*_internal.hpp" EXCLUDE)

# Archives are searched once, left to right: the highest floor first.
function(chainrule_archives out)
  set(flags)
  foreach(name IN LISTS ARGN)
    get_target_property(type chainrule_${name} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      string(PREPEND flags "-lchainrule_${name} ")
    endif()
  endforeach()
  string(STRIP "${flags}" flags)
  set(${out} "${flags}" PARENT_SCOPE)
endfunction()

function(chainrule_pkgconfig name description requires libs)
  set(PC_NAME ${name})
  set(PC_DESCRIPTION ${description})
  set(PC_REQUIRES ${requires})
  set(PC_LIBS ${libs})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/chainrule.pc.in ${PROJECT_BINARY_DIR}/cmake/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/cmake/${name}.pc DESTINATION ${pkgconfig_dir})
endfunction()

set(targets chainrule_chainrule)
foreach(name IN LISTS core)
  list(APPEND targets chainrule_${name})
endforeach()
install(TARGETS ${targets} EXPORT chainrule-core ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT chainrule-core NAMESPACE chainrule:: DESTINATION ${package_dir})
chainrule_archives(libs ${core})
chainrule_pkgconfig(chainrule "Exact derivatives of ordinary C++" "" "${libs}")

foreach(name IN LISTS components)
  if(name IN_LIST core)
    continue()
  endif()
  install(TARGETS chainrule_${name} EXPORT chainrule-${name} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT chainrule-${name} NAMESPACE chainrule:: DESTINATION ${package_dir})
  chainrule_archives(libs ${name})
  set(requires "chainrule = ${PROJECT_VERSION}")
  if(name STREQUAL "draw")
    if("graphviz" IN_LIST found)
      string(APPEND requires ", libgvc")
    endif()
    if("gnuplot" IN_LIST found)
      string(APPEND libs " -lboost_iostreams -lboost_system -lboost_filesystem")
    endif()
  elseif(name STREQUAL "emit")
    string(APPEND requires ", chainrule-optimise = ${PROJECT_VERSION}")
    if("asmjit" IN_LIST found)
      string(APPEND libs " -lasmjit -lpthread -lrt")
    endif()
    if("sleef" IN_LIST found)
      string(APPEND requires ", sleef")
    endif()
  elseif(name STREQUAL "tensor")
    string(APPEND requires ", chainrule-emit = ${PROJECT_VERSION}, openblas")
    string(APPEND libs " -llapacke")
    if("libzip" IN_LIST found)
      string(APPEND requires ", libzip")
    endif()
  elseif(name STREQUAL "nn")
    string(APPEND requires ", chainrule-tensor = ${PROJECT_VERSION}")
  endif()
  chainrule_pkgconfig(chainrule-${name} "chainrule: ${name}" "${requires}" "${libs}")
endforeach()

# In the order of the floors: a component may link one below it.
list(REMOVE_ITEM components ${core})
set(CONFIG_COMPONENTS ${components})
foreach(library IN ITEMS graphviz gnuplot asmjit sleef libzip)
  string(TOUPPER ${library} upper)
  set(CONFIG_NEEDS_${upper} FALSE)
  if(library IN_LIST found)
    set(CONFIG_NEEDS_${upper} TRUE)
  endif()
endforeach()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/chainruleConfig.cmake.in
  ${PROJECT_BINARY_DIR}/cmake/chainruleConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/chainruleConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/chainruleConfig.cmake
              ${PROJECT_BINARY_DIR}/cmake/chainruleConfigVersion.cmake DESTINATION ${package_dir})
