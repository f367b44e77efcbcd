# The plugin interface of codedriftd, for plugins that are built outside its repository:
#   find_package(codedriftd_sink 1.0 REQUIRED)
#   codedriftd_add_sink(mine mine.c)
# The package's version is the interface's. The target codedriftd::sink is the header codedriftd/sink.h.
include(${CMAKE_CURRENT_LIST_DIR}/codedriftd_sinkTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/codedriftd_add_sink.cmake)
