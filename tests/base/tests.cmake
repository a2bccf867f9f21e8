# A count of allocations.
target_sources(test_base PRIVATE ${folder}/../support/allocations.cpp)
