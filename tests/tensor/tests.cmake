# Whether the library reads .npz files.
target_compile_definitions(test_tensor PRIVATE CHAINRULE_TEST_LIBZIP=$<BOOL:${CHAINRULE_LIBZIP_FOUND}>)
