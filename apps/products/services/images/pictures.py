"""From a stranger's file to pictures of our own making: nothing of the file itself is kept.

What is taken is decided by content. The header is read first, so that a small file that says it is
a huge picture is refused before anything is unpacked.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING, Final

from PIL import Image, ImageOps, UnidentifiedImageError

from apps.products.errors.images import ImageNotAcceptedError, ImagesBusyError, ImageTooLargeError
from apps.products.selectors.images import FULL
from apps.products.services.images.limits import (
    DECODERS,
    EDGES,
    EFFORT,
    FULL_EDGE,
    PIXELS_MAX,
    QUALITY,
    SCANS_MAX,
    SEGMENTS_MAX,
    WAIT_SECONDS,
)
from apps.products.services.images.scans import has_more

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")
SHOWS_THROUGH: Final = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})
SIXTEEN_BITS: Final = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})

Image.MAX_IMAGE_PIXELS = PIXELS_MAX  # Pillow's own guard; ours, which is stricter, is below

_decoders = threading.BoundedSemaphore(DECODERS)


@dataclass(frozen=True, slots=True)
class Rendition:
    """One size of a picture: its bytes in WebP, their SHA-256 in hex, and its pixels."""

    name: str
    content: bytes
    sha256: str
    width: int
    height: int


def renditions_of(file: IO[bytes]) -> list[Rendition]:
    """The picture at full size, then each thumbnail that is smaller than it.

    Args:
        file: at its beginning, at most FILE_MAX bytes.

    Raises:
        ImageNotAcceptedError: no picture of a known format, or not a whole one.
        ImageTooLargeError: more pixels than are taken, or more passes over them.
        ImagesBusyError: others are being read.
    """
    if not _decoders.acquire(timeout=WAIT_SECONDS):
        raise ImagesBusyError(retry_after=int(WAIT_SECONDS))
    try:
        return list(_rendered(_read(file)))
    finally:
        _decoders.release()


def _read(file: IO[bytes]) -> Image.Image:
    """The first frame, upright, in RGB or RGBA, at most FULL_EDGE pixels long."""
    try:
        return _decoded(file)
    except (ImageTooLargeError, ImageNotAcceptedError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except UnidentifiedImageError as error:
        raise ImageNotAcceptedError("It is neither JPEG nor PNG, WebP or GIF.") from error
    except Exception as error:  # decoders raise whatever a hostile file makes them stumble over
        logger.info("A picture was not taken: %s.", type(error).__name__)
        raise ImageNotAcceptedError("It is damaged, or not whole.") from error


def _decoded(file: IO[bytes]) -> Image.Image:
    content = file.read()
    file.seek(0)
    _check_pixels(_webp_size(content[:30]))  # before Pillow makes room for it
    if has_more(content, scans=SCANS_MAX, segments=SEGMENTS_MAX):
        raise _too_many_scans()
    with Image.open(file, formats=FORMATS) as picture:
        _check_pixels(picture.size)
        picture.draft("RGB", (FULL_EDGE, FULL_EDGE))  # JPEG alone: decodes no more than is kept
        picture.load()
        small = _in_colour(picture)
        small.thumbnail((FULL_EDGE, FULL_EDGE), Image.Resampling.LANCZOS)
        small.getexif().update(picture.getexif())
        return ImageOps.exif_transpose(small)


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """Width and height as an extended WebP file says them (RFC 9649 section 2.7); else None."""
    if head[:4] != b"RIFF" or head[8:16] != b"WEBPVP8X" or len(head) < 30:  # noqa: PLR2004 - its length
        return None
    width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    return width, height


def _check_pixels(size: tuple[int, int] | None) -> None:
    if size is not None and size[0] * size[1] > PIXELS_MAX:
        raise _too_many_pixels()


def _too_many_pixels() -> ImageTooLargeError:
    return ImageTooLargeError(
        f"It says that it has more than {PIXELS_MAX // 1_000_000} megapixels.",
        maximum_pixels=PIXELS_MAX,
    )


def _too_many_scans() -> ImageTooLargeError:
    return ImageTooLargeError(
        f"It has more than {SCANS_MAX} scans, or {SEGMENTS_MAX} segments.",
        maximum_scans=SCANS_MAX,
    )


def _in_colour(picture: Image.Image) -> Image.Image:
    """RGBA where something shows through, else RGB; 16 bits a pixel become 8."""
    if picture.mode in SIXTEEN_BITS:
        return picture.point(lambda value: value / 256).convert("L").convert("RGB")
    shows_through = picture.mode in SHOWS_THROUGH or "transparency" in picture.info
    return picture.convert("RGBA" if shows_through else "RGB")


def _rendered(picture: Image.Image) -> Iterator[Rendition]:
    yield _rendition(FULL, picture)
    for edge in sorted(EDGES, reverse=True):  # each made of the one before: a quarter of the work
        if max(picture.size) > edge:
            picture.thumbnail((edge, edge), Image.Resampling.LANCZOS)
            yield _rendition(str(edge), picture)


def _rendition(name: str, picture: Image.Image) -> Rendition:
    """Encoded from pixels alone: no comment, profile or EXIF of the file comes along."""
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    buffer = BytesIO()
    bare.save(buffer, "WEBP", quality=QUALITY, method=EFFORT)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    return Rendition(name, content, digest, picture.width, picture.height)
