/* SPDX-License-Identifier: MIT
 * The version of the library. */
#include "pixelrain.h"

const char *pxr_version(void) { return PXR_VERSION; }
