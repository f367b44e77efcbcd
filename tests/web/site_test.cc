#include "web/site.h"

#include <gtest/gtest.h>
