#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# FITS files that astropy wrote.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 -B "$PXR_SOURCE/tests/cli/import_formats.py" "$pixelrain" fits || exit
n_claims=$((n_claims + 1))

mkdir f
/usr/bin/python3 - <<'END'
import numpy as np
from astropy.io import fits
for i, name in enumerate(("a.fits", "b.fit")):
    unit = fits.PrimaryHDU(np.full((3, 4), i, "u2"))
    unit.header["DATE-OBS"] = f"2024-05-01T12:00:0{i}.5"
    unit.writeto("f/" + name)
fits.PrimaryHDU(np.zeros((3, 4), "f4")).writeto("float.fits")
fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.zeros((30, 40), "i2"))]).writeto("packed.fits")
END
ok "$pixelrain" pack -q --time source f -o a.pxr
run "$pixelrain" list -l a.pxr
claim 'times of observation' grep -q '2024-05-01T12:00:01.500000000Z .* b$' "$scratch/out"
ok bash -c "'$pixelrain' pack -q - -o p.pxr <f/a.fits"
run "$pixelrain" pack float.fits -o x.pxr
expect 4 '' 'pixelrain: float.fits: the FITS image has samples of BITPIX -32: only 8 and 16 are read (offset 0)'
run "$pixelrain" pack packed.fits -o x.pxr
expect 4 '' 'pixelrain: packed.fits: the FITS file holds compressed images: funpack expands them'
claim 'errors leave nothing' [ ! -e x.pxr ]
passed
