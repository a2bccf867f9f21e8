# tensors_bench: nets and arrays, beside libtorch where it is found.

if(TARGET chainrule_nn)
  add_executable(tensors_bench tensors/main.cpp tensors/chainrule.cpp tensors/manual.cpp)
  set_target_properties(tensors_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  target_include_directories(tensors_bench PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(tensors_bench PRIVATE chainrule::nn chainrule_warnings PkgConfig::CHAINRULE_OPENBLAS
                                        $<TARGET_NAME_IF_EXISTS:PkgConfig::CHAINRULE_SLEEF>)
  set_source_files_properties(tensors/manual.cpp PROPERTIES
    COMPILE_OPTIONS "-O3;-march=native;-ffp-contract=fast;-fno-math-errno")
  find_package(Torch QUIET CONFIG)
  if(Torch_FOUND)
    add_library(tensors_torch OBJECT tensors/torch.cpp tensors/check.cpp)
    target_include_directories(tensors_torch PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(tensors_torch PRIVATE chainrule::nn ${TORCH_LIBRARIES})
    target_compile_definitions(tensors_bench PRIVATE BENCH_WITH_TORCH)
    target_link_libraries(tensors_bench PRIVATE tensors_torch ${TORCH_LIBRARIES})
    message(STATUS "Benchmarks: beside libtorch")
  endif()
endif()
