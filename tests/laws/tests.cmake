# The laws need the truth of MPFR and helpers that are no tests.
target_sources(test_laws PRIVATE
  ${folder}/kinks.cpp ${folder}/laws.cpp ${folder}/reading.cpp ${folder}/samples.cpp ${folder}/truth.cpp)
