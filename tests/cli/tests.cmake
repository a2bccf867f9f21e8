# Which backends this build and processor have; and models that a test writes.
target_link_libraries(test_cli PRIVATE chainrule::emit chainrule::nn)
