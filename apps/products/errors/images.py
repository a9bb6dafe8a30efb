"""What can go wrong with pictures."""

from __future__ import annotations

from core.errors import ConflictError, InvalidError, NotFoundError, TooLargeError, UnavailableError


class ImageNotFoundError(NotFoundError):
    """No such picture, no such size of it, or a picture of a product that is not on sale."""

    code = "image_not_found"
    title = "There is no such image."


class ImageNotAcceptedError(InvalidError):
    """The file is no whole picture in JPEG, PNG, WebP or GIF; its name and type do not matter."""

    code = "image_not_accepted"
    title = "This is not a picture that can be taken."
    remedy = "Send a whole JPEG, PNG, WebP or GIF file of at least one pixel."


class ImageTooLargeError(TooLargeError):
    """The picture has more bytes or pixels than are taken, or is a JPEG of too many scans."""

    code = "image_too_large"
    title = "The picture is too large."
    remedy = (
        "Send at most 10 MiB and 40 megapixels, a progressive JPEG of at most 50 scans; more than"
        " 2560 pixels an edge are never shown."
    )


class TooManyImagesError(ConflictError):
    """The product has as many pictures as one may have."""

    code = "too_many_images"
    title = "The product has 20 images already."
    remedy = "Delete one of them first."


class ImagesBusyError(UnavailableError):
    """Other pictures are being read at the moment, and each takes much memory."""

    code = "images_busy"
    title = "Too many pictures are being read at once."
