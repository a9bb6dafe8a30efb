"""Pictures for tests: good ones, and files that a stranger might send instead."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image

from apps.products.services.images.changing import add_image
from tests.factories.products import make_product

SCAN, END = b"\xff\xda", b"\xff\xd9"  # markers of a JPEG


def drawn(size=(64, 48), mode="RGB", colour=None):
    """A picture with a dark left half, so that one sees which way it lies."""
    picture = Image.new(mode, size, colour if colour is not None else "white")
    half = Image.new(mode, (max(1, size[0] // 2), size[1]), 0 if mode in {"L", "P"} else None)
    picture.paste(half, (0, 0))
    return picture


def file_of(picture, kind="JPEG", **options):
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def a_jpeg(size=(64, 48), **options):
    return file_of(drawn(size), "JPEG", **options)


def a_jpeg_of_scans(count, size=(64, 48)):
    """A progressive one whose last scan is repeated until there are so many."""
    whole = a_jpeg(size, progressive=True)
    scans = len(whole.split(SCAN)) - 1
    last = whole[whole.rindex(SCAN) : -len(END)]
    return whole.removesuffix(END) + last * (count - scans) + END


def a_png_that_says(width, height):
    """The header of a picture of that size, and hardly anything behind it."""
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", body)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + _chunk(b"IEND", b"")
    )


def a_png_with_text(bytes_of_text):
    """A picture of one pixel with a comment that unpacks to so many bytes."""
    body = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    comment = b"Comment\0\0" + zlib.compress(b"a" * bytes_of_text, 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", body)
        + _chunk(b"zTXt", comment)
        + _chunk(b"IDAT", zlib.compress(b"\0\xff\xff\xff"))
        + _chunk(b"IEND", b"")
    )


def a_webp_that_says(width, height):
    """An extended header (RFC 9649 section 2.7) that announces such a canvas."""
    edges = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"VP8X" + (10).to_bytes(4, "little") + b"\0\0\0\0" + edges
    return b"RIFF" + (4 + len(body)).to_bytes(4, "little") + b"WEBP" + body


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def make_image(product=None, *, content=None, **fields):
    """An image of a product, made as the platform makes it."""
    product = product or make_product()
    added = add_image(
        product_id=product.pk,
        file=BytesIO(content or a_jpeg()),
        alt=fields.pop("alt", ""),
        variant_id=fields.pop("variant_id", None),
        position=fields.pop("position", None),
        actor=None,
    )
    return added.image


def images_url(product, image=None):
    listing = f"/api/v1/products/{product.pk}/images"
    return listing if image is None else f"{listing}/{image.pk}"


def content_url(image, size="256"):
    return f"/api/v1/product-images/{image.pk}/{size}"
