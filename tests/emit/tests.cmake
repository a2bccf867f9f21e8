# The points at which the laws ask the rows.
target_sources(test_emit PRIVATE ${folder}/../laws/kinks.cpp ${folder}/../laws/samples.cpp)
