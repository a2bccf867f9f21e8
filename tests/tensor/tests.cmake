# Whether the library reads .npz files.
target_compile_definitions(test_tensor PRIVATE CHAINRULE_TEST_LIBZIP=$<BOOL:${CHAINRULE_LIBZIP_FOUND}>)
if(NOT TARGET Eigen3::Eigen)
  set_source_files_properties(${folder}/eigen_test.cpp PROPERTIES HEADER_FILE_ONLY ON)
endif()
