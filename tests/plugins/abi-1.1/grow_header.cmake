# grow_header(TO): writes a made-up version 1.1 of the plugin header, as a later one may be: the kept 1.0 with a member more at
# the end of each struct.
function(grow_header to)
  set(from ${CMAKE_CURRENT_SOURCE_DIR}/abi-1.0/codedriftd/sink.h)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
  file(READ ${from} text)
  macro(replace old new)
    string(FIND "${text}" "${old}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "${from} has no '${old}'")
    endif()
    string(REPLACE "${old}" "${new}" text "${text}")
  endmacro()
  replace("#define CODEDRIFTD_SINK_ABI_MINOR 0" "#define CODEDRIFTD_SINK_ABI_MINOR 1")
  replace("} codedriftd_option;" "  const char* unit;\n} codedriftd_option;")
  replace("} codedriftd_host;"
    "  void (*count)(void* ctx, const char* what, int64_t value) CODEDRIFTD_NOEXCEPT;\n} codedriftd_host;")
  replace("} codedriftd_report;" "  int64_t parts;\n} codedriftd_report;")
  replace("} codedriftd_alert;" "  const char* kind;\n} codedriftd_alert;")
  replace("} codedriftd_sink_api;"
    "  codedriftd_result (*flush)(codedriftd_sink* self, codedriftd_report* report) CODEDRIFTD_NOEXCEPT;\n} codedriftd_sink_api;")
  file(CONFIGURE OUTPUT ${to}/codedriftd/sink.h CONTENT "${text}" @ONLY)
endfunction()
