/// Two scopes of one guarded value follow each other; one inside the other would wait for ever.
#include "base/guarded.h"

using codedriftd::Guarded;
using codedriftd::Locked;

struct Shared {
  Guarded<int> value, other;

  void right() {
    Locked first(value);
    Locked second(other);
    *first = *second;
  }
#ifdef MISTAKE
  void wrong() {
    Locked first(value);
    Locked second(value);
    *first = *second;
  }
#endif
};
