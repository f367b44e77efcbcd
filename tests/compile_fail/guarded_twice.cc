/// Who holds a guarded value and asks for it once more would wait for ever.
#include "base/guarded.h"

using codedriftd::Guarded;
using codedriftd::Locked;

struct Shared {
  Guarded<int> value;

  void right() {
    {
      Locked locked(value);
      *locked = 1;
    }
    *value.lock() = 2;
  }
#ifdef MISTAKE
  void wrong() {
    Locked locked(value);
    *value.lock() = 2;
  }
#endif
};
