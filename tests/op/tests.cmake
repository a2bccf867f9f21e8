# The truth of MPFR, and the rows as the laws see them.
target_sources(test_op PRIVATE
  ${folder}/../laws/kinks.cpp ${folder}/../laws/reading.cpp ${folder}/../laws/samples.cpp
  ${folder}/../laws/truth.cpp)
