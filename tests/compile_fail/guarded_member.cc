/// A member that belongs to a guarded value is touched under its lock only.
#include "base/guarded.h"

using codedriftd::Guarded;
using codedriftd::Locked;

struct Shared {
  Guarded<int> value;
  int beside GUARDED_BY(value) = 0;

  void right() {
    Locked locked(value);
    beside = *locked;
  }
#ifdef MISTAKE
  void wrong() { beside = 1; }
#endif
};
