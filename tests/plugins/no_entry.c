/* A shared object that is no plugin. */
__attribute__((visibility("default"))) int some_function(void);
int some_function(void) { return 0; }
