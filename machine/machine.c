#include "base/attr.h"
