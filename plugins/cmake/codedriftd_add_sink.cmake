# codedriftd_add_sink(NAME SOURCE...): the shared object NAME.so, a plugin of codedriftd that exports its entry function and
# nothing else. NAME is a target like any other: link to it what the plugin needs, and install it with
#   install(TARGETS NAME LIBRARY DESTINATION lib/codedriftd/plugins)
set(codedriftd_sink_EXPORTS ${CMAKE_CURRENT_LIST_DIR}/codedriftd_sink.map)

function(codedriftd_add_sink name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE codedriftd::sink)
  # The version script hides what hidden visibility does not: the templates of the C++ library.
  target_link_options(${name} PRIVATE -Wl,--version-script=${codedriftd_sink_EXPORTS})
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" LINK_DEPENDS ${codedriftd_sink_EXPORTS}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()
