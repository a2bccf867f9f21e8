# The points at which the laws ask the rows, traces to be printed and saved, a count of allocations.
target_sources(test_graph PRIVATE
  ${folder}/../laws/reading.cpp ${folder}/../laws/samples.cpp ${folder}/traces.cpp
  ${folder}/../support/allocations.cpp)
