# Blocks for traces, and traces that are made by the table.
target_sources(test_optimise PRIVATE ${folder}/../graph/traces.cpp ${folder}/../support/in_floats.cpp
  ${folder}/../support/radius.cpp ${folder}/formula.cpp ${folder}/wild.cpp)
