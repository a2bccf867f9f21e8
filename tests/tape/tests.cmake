# The points at which every row is recorded.
target_sources(test_tape PRIVATE ${folder}/../laws/kinks.cpp ${folder}/../laws/samples.cpp)
