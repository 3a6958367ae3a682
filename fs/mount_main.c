/* SPDX-License-Identifier: MIT
 * mount.pixelrain: show an archive's frames as files. */
#include "mount.h"

int main(int argc, char **argv) { return pxr_mount_main(argc, argv); }
