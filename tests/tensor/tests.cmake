# Whether the library reads .npz files.
target_compile_definitions(test_tensor PRIVATE CHAINRULE_TEST_LIBZIP=$<BOOL:${CHAINRULE_LIBZIP_FOUND}>)
if(NOT TARGET Eigen3::Eigen)
  set_source_files_properties(${folder}/eigen_test.cpp PROPERTIES HEADER_FILE_ONLY ON)
endif()
# The points at which the laws of the table are asked, and what is published at kinks.
target_sources(test_tensor PRIVATE ${folder}/../laws/kinks.cpp ${folder}/../laws/samples.cpp)
