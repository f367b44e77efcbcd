# cmake -DNM=nm -DPLUGIN=FILE -P exports.cmake: fails unless FILE exports codedriftd_sink_v1 and nothing else.
execute_process(COMMAND ${NM} -D --defined-only --format=posix ${PLUGIN} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE " [^\n]*" "" names "${symbols}")
string(STRIP "${names}" names)
if(NOT names STREQUAL "codedriftd_sink_v1")
  message(FATAL_ERROR "${PLUGIN} exports:\n${names}")
endif()
