# The points at which the laws ask the rows, and traces to be printed and saved.
target_sources(test_graph PRIVATE
  ${folder}/../laws/reading.cpp ${folder}/../laws/samples.cpp ${folder}/traces.cpp)
