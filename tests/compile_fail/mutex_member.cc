/// A member that belongs to a mutex is touched under it only.
#include "base/mutex.h"

struct Shared {
  codedriftd::Mutex mutex;
  bool rung GUARDED_BY(mutex) = false;

  void right() {
    const codedriftd::MutexLock lock(mutex);
    rung = true;
  }
#ifdef MISTAKE
  void wrong() { rung = true; }
#endif
};
