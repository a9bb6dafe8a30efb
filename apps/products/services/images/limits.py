"""What a picture may be. docs/subsystems/product-images.md argues each figure."""

from __future__ import annotations

from typing import Final

from apps.products.selectors.images import SIZES

FILE_MAX: Final = 10 * 1024 * 1024  # bytes of an upload
PIXELS_MAX: Final = 40_000_000  # width times height that its header may say
SCANS_MAX: Final = 50  # passes over a JPEG: encoders make 18 at most; of 40 megapixels 25 ms each
SEGMENTS_MAX: Final = 2_000  # between the scans of a JPEG; 160 of full length fill a file
FULL_EDGE: Final = 2_560  # pixels of the longest edge that is kept
EDGES: Final = SIZES  # pixels of the longest edge of each thumbnail
QUALITY: Final = 82  # of WebP, 0 to 100
EFFORT: Final = 2  # of WebP's encoder, 0 to 6: a sixth of the time of 4, files 5 % larger

IMAGES_MAX: Final = 20  # of one product

# A decoded picture of 40 megapixels takes 160 MB, so that one at a time is decoded in a process.
DECODERS: Final = 1
WAIT_SECONDS: Final = 4.0  # for the one; below what a transaction may be idle

ORPHAN_HOURS: Final = 24  # files without a row are younger than that while they are being written
