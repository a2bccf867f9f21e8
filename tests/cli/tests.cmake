# Which backends this build and processor have.
target_link_libraries(test_cli PRIVATE chainrule::emit)
