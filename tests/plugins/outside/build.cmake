# cmake -DBUILD=… -DSOURCE=… -DWORK=… -DCC=… -P build.cmake: installs the plugin interface of the build tree BUILD below WORK
# and builds plugins/jsonl there, against that alone.
file(REMOVE_RECURSE ${WORK})
function(step)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()
step(${CMAKE_COMMAND} --install ${BUILD} --component development --prefix ${WORK}/prefix)
file(COPY ${SOURCE}/plugins/jsonl/jsonl.c ${SOURCE}/tests/plugins/outside/CMakeLists.txt DESTINATION ${WORK}/source)
step(${CMAKE_COMMAND} -S ${WORK}/source -B ${WORK}/build -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCMAKE_C_COMPILER=${CC}
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
step(${CMAKE_COMMAND} --build ${WORK}/build)
file(READ ${WORK}/build/CMakeCache.txt cache)
if(NOT cache MATCHES "codedriftd_sink_DIR:PATH=${WORK}/prefix/")
  message(FATAL_ERROR "another package than the one under ${WORK}/prefix was found")
endif()

# A program that needs a later interface does not find this one.
file(WRITE ${WORK}/later/CMakeLists.txt "cmake_minimum_required(VERSION 3.25)\nproject(later NONE)\nfind_package(codedriftd_sink 1.1 REQUIRED)\n")
execute_process(COMMAND ${CMAKE_COMMAND} -S ${WORK}/later -B ${WORK}/later/build -DCMAKE_PREFIX_PATH=${WORK}/prefix
  RESULT_VARIABLE result ERROR_VARIABLE error)
if(result EQUAL 0 OR NOT error MATCHES "compatible with requested version")
  message(FATAL_ERROR "version 1.1 was found, which there is not: ${error}")
endif()
