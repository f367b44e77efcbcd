# Writes OUT, a C++ file with every DIR/NNNN_name.sql as a string: number, name, text.
file(GLOB files ${DIR}/[0-9][0-9][0-9][0-9]_*.sql)
list(SORT files)
set(text "// Generated from migrations/*.sql.\n#include \"store/db/migrate.h\"\nnamespace codedriftd {\nconst std::vector<Migration>& embedded_migrations() {\n  static const std::vector<Migration> all{\n")
set(number 0)
foreach(file IN LISTS files)  # a migration's number is its place in the list
  get_filename_component(name ${file} NAME_WE)
  math(EXPR number "${number} + 1")
  file(READ ${file} sql)
  string(APPEND text "      {${number}, \"${name}\", R\"codedriftd_sql(${sql})codedriftd_sql\"},\n")
endforeach()
string(APPEND text "  };\n  return all;\n}\n}  // namespace codedriftd\n")
file(WRITE ${OUT} "${text}")
