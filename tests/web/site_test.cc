#include "web/site.h"
