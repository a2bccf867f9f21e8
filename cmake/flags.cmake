# Compiler flags, in four INTERFACE targets that are linked privately and never installed.
#
#   chainrule_warnings     both compilers, the same meaning in both
#   chainrule_arithmetic   a formula computes the same bits wherever it is compiled: no contraction to
#                          fma behind its back; errno is never read, so math calls need not set it.
#                          The flags of a project that builds us from source stand before these, so
#                          its -Ofast or -ffast-math is undone: NaN and -0.0 mean something here
#   chainrule_assertions   the standard library's own checks, in builds that assert
#   chainrule_precompiled  what ccache needs to look through a precompiled header

add_library(chainrule_warnings INTERFACE)
target_compile_options(chainrule_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror=switch
  # g++'s -Wconversion leaves sign conversions alone; clang's is told to do the same.
  $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wno-sign-conversion>
  # g++ 12 sees an overlap in `"literal" + string` where there is none (GCC bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<BOOL:${CHAINRULE_WERROR}>:-Werror>)

add_library(chainrule_arithmetic INTERFACE)
target_compile_options(chainrule_arithmetic INTERFACE
  -ffp-contract=off -fno-math-errno
  # Part by part: clang warns where -fno-fast-math itself follows -ffast-math.
  -fno-unsafe-math-optimizations -fno-finite-math-only -fsigned-zeros
  $<$<CXX_COMPILER_ID:GNU>:-fno-cx-limited-range>)

add_library(chainrule_assertions INTERFACE)
target_compile_definitions(chainrule_assertions INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)

if(CHAINRULE_SANITIZE)
  string(REPLACE ";" "," sanitizers "${CHAINRULE_SANITIZE}")
  add_compile_options(-fsanitize=${sanitizers} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${sanitizers})
  if("undefined" IN_LIST CHAINRULE_SANITIZE)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

# ccache, when it is present and nobody has chosen a launcher.  The sloppiness is what precompiled
# headers need (ccache manual, "Precompiled headers").
find_program(CHAINRULE_CCACHE ccache)
if(CHAINRULE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CHAINRULE_CCACHE})
endif()

add_library(chainrule_precompiled INTERFACE)
target_compile_options(chainrule_precompiled INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
  $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)
