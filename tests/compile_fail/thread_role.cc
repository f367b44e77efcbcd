/// What is one thread's is called from that thread's entrance, and from nowhere else.
#include "base/guarded.h"

struct Worker {
  codedriftd::ThreadRole worker;
  int done GUARDED_BY(worker) = 0;

  void work() REQUIRES(worker) { ++done; }
  void loop() {
    worker.assume();
    work();
  }
#ifdef MISTAKE
  void called_by_anybody() { work(); }
#endif
};
