#pragma once
/// What codedriftd-examiner found in a package.
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "model/examination.h"
