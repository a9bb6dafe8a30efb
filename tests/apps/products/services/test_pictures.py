"""What is made of a stranger's picture: pixels of our own, and nothing else that it says."""

import threading
from io import BytesIO

import pytest
from PIL import Image

from apps.products.errors.images import (
    ImageNotAcceptedError,
    ImagesBusyError,
    ImageTooLargeError,
)
from apps.products.services.images import pictures
from apps.products.services.images.limits import SCANS_MAX, SEGMENTS_MAX
from apps.products.services.images.scans import has_more
from tests.factories.pictures import (
    SCAN,
    a_jpeg,
    a_jpeg_of_scans,
    a_png_that_says,
    a_png_with_text,
    a_webp_that_says,
    drawn,
    file_of,
)

SCRIPT = b"<script>alert(1)</script>"


def made(content):
    return pictures.renditions_of(BytesIO(content))


def opened(rendition):
    return Image.open(BytesIO(rendition.content))


class TestSizes:
    def test_each_is_there_that_is_smaller_than_the_picture(self):
        sizes = {each.name: (each.width, each.height) for each in made(a_jpeg((600, 400)))}

        assert sizes == {
            "full": (600, 400),
            "512": (512, 341),
            "256": (256, 171),
            "128": (128, 86),
        }

    def test_one_pixel_is_never_enlarged(self):
        [only] = made(file_of(drawn((1, 1)), "PNG"))

        assert (only.name, only.width, only.height) == ("full", 1, 1)

    def test_what_is_kept_of_a_large_one_is_2560_pixels_long(self):
        renditions = made(file_of(Image.new("L", (3000, 30)), "PNG"))

        assert [(each.name, each.width) for each in renditions] == [
            ("full", 2560),
            ("1024", 1024),
            ("512", 512),
            ("256", 256),
            ("128", 128),
        ]
        assert renditions[0].height == 26

    def test_the_bytes_are_webp_and_named_by_their_digest(self):
        import hashlib

        [full] = made(a_jpeg((20, 10)))

        assert opened(full).format == "WEBP"
        assert full.sha256 == hashlib.sha256(full.content).hexdigest()


class TestWhatIsTaken:
    @pytest.mark.parametrize(
        ("content", "mode"),
        [
            (file_of(drawn(mode="CMYK", colour=(0, 0, 0, 0)), "JPEG"), "RGB"),
            (file_of(drawn(mode="L"), "JPEG"), "RGB"),
            (file_of(drawn(mode="RGBA", colour=(255, 0, 0, 10)), "PNG"), "RGBA"),
            (file_of(drawn(mode="LA"), "PNG"), "RGBA"),
            (file_of(drawn(mode="P"), "PNG", transparency=0), "RGBA"),
            (file_of(drawn(mode="P"), "GIF"), "RGB"),
            (file_of(drawn(mode="1"), "PNG"), "RGB"),
            (file_of(drawn(), "WEBP"), "RGB"),
        ],
        ids=["cmyk", "grey", "rgba", "grey-alpha", "palette-alpha", "gif", "bits", "webp"],
    )
    def test_becomes_rgb_or_rgba_where_something_shows_through(self, content, mode):
        [full] = made(content)

        assert opened(full).mode == mode

    def test_sixteen_bits_become_eight_and_keep_their_brightness(self):
        [full] = made(file_of(Image.new("I;16", (8, 8), 32_768), "PNG"))

        assert abs(opened(full).getpixel((4, 4))[0] - 128) <= 2

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
    def test_of_an_animation_the_first_frame(self, kind):
        frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]

        [full] = made(file_of(frames[0], kind, save_all=True, append_images=frames[1:]))

        picture = opened(full)
        assert getattr(picture, "n_frames", 1) == 1
        red, _, blue = picture.convert("RGB").getpixel((8, 8))
        assert red > 200
        assert blue < 60

    def test_it_lies_as_its_exif_says(self):
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned a quarter clockwise

        [full] = made(a_jpeg((64, 48), exif=exif))

        picture = opened(full)
        assert picture.size == (48, 64)
        assert picture.getpixel((24, 4))[0] < 60  # what was left is on top
        assert picture.getpixel((24, 60))[0] > 200


class TestWhatIsLeftBehind:
    def test_exif_comments_and_profiles(self):
        exif = Image.Exif()
        exif[0x010E] = SCRIPT.decode()  # ImageDescription
        exif[0x8825] = {2: (52.0, 30.0, 0.0)}  # GPS
        content = a_jpeg(exif=exif, comment=SCRIPT, icc_profile=SCRIPT)
        assert content.count(SCRIPT) >= 2

        [full] = made(content)

        assert SCRIPT not in full.content
        assert not opened(full).getexif()
        assert opened(full).info.keys().isdisjoint({"icc_profile", "exif", "xmp", "comment"})

    @pytest.mark.parametrize("kind", ["JPEG", "GIF", "PNG"])
    def test_what_another_reader_would_find_behind_the_picture(self, kind):
        polyglot = file_of(drawn(), kind) + b"PK\x03\x04" + SCRIPT

        [full] = made(polyglot)

        assert SCRIPT not in full.content
        assert b"PK\x03\x04" not in full.content


def scans_of(content):
    return next(count for count in range(99) if not has_more(content, scans=count, segments=999))


class TestScans:
    """Counted from the markers: by libjpeg's own scripts, and whatever stands beside them."""

    @pytest.mark.parametrize(
        ("content", "count"),
        [
            (a_jpeg(), 1),
            (a_jpeg(progressive=True), 10),
            (file_of(drawn(mode="L"), "JPEG", progressive=True), 6),
            (file_of(drawn(mode="CMYK", colour=(0, 0, 0, 0)), "JPEG", progressive=True), 18),
            (a_jpeg(progressive=True, restart_marker_rows=1), 10),
            (a_jpeg(comment=SCAN * 200), 1),
            (a_jpeg() + SCAN * 200, 1),
            (a_jpeg_of_scans(45), 45),
            (a_jpeg_of_scans(45).replace(SCAN, b"\xff\xff\0 \xff" + SCAN), 45),
            (a_jpeg_of_scans(45).replace(SCAN, b"\xff\x01" + SCAN), 45),
            (file_of(drawn(), "PNG") + SCAN * 200, 0),
            (b"\xff\xd8\xff", 0),
            (b"\xff\xd8\xff\xda", 1),
        ],
        ids=[
            "plain",
            "progressive",
            "grey",
            "cmyk",
            "with restarts",
            "in a comment",
            "behind its end",
            "repeated",
            "with fill bytes and junk between",
            "with reserved codes between",
            "no jpeg",
            "nothing more",
            "cut off",
        ],
    )
    def test_are_as_many_as_a_decoder_finds(self, content, count):
        assert scans_of(content) == count


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\0" * 100,
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            b"%PDF-1.7 ...",
            b"%!PS-Adobe-3.0 EPSF-3.0",
            file_of(drawn(), "BMP"),
            file_of(drawn(), "TIFF"),
            a_jpeg((640, 480))[:900],
            file_of(drawn((64, 64)), "PNG")[:-40],
            file_of(drawn((64, 64)), "WEBP")[:-10],
            a_png_with_text(20_000_000),
            a_png_that_says(0, 10),
            a_png_that_says(300, 300),
        ],
        ids=[
            "nothing",
            "zeros",
            "svg",
            "pdf",
            "postscript",
            "bmp",
            "tiff",
            "half a jpeg",
            "png without its end",
            "webp without its end",
            "text bomb",
            "no width",
            "fewer pixels than it says",
        ],
    )
    def test_what_is_no_whole_picture_of_a_known_kind(self, content):
        with pytest.raises(ImageNotAcceptedError):
            made(content)

    @pytest.mark.parametrize(
        "content",
        [
            a_png_that_says(6_500, 6_500),
            a_png_that_says(100_000, 100_000),
            a_png_that_says(2**31 - 1, 1),
            a_webp_that_says(16_383, 16_383),
            a_webp_that_says(2**24, 2**24),
        ],
        ids=["42 megapixels", "bomb", "one long line", "large webp", "largest webp"],
    )
    def test_what_says_that_it_is_huge_before_anything_is_unpacked(self, content):
        with pytest.raises(ImageTooLargeError):
            made(content)

    @pytest.mark.parametrize("end", [None, -2], ids=["whole", "cut off: nothing was decoded"])
    def test_what_is_gone_over_too_often(self, end):
        assert made(a_jpeg_of_scans(SCANS_MAX))

        with pytest.raises(ImageTooLargeError) as refusal:
            made(a_jpeg_of_scans(SCANS_MAX + 1)[:end])

        assert refusal.value.extra == {"maximum_scans": SCANS_MAX}

    def test_what_has_more_segments_than_anybody_writes(self):
        plain = a_jpeg()

        with pytest.raises(ImageTooLargeError):
            made(plain[:2] + b"\xff\xe1\0\2" * SEGMENTS_MAX + plain[2:])

    def test_while_another_is_read_that_takes_too_long(self, monkeypatch):
        monkeypatch.setattr(pictures, "WAIT_SECONDS", 0.01)
        taken = threading.BoundedSemaphore(1)
        monkeypatch.setattr(pictures, "_decoders", taken)
        taken.acquire()

        with pytest.raises(ImagesBusyError):
            made(a_jpeg())

        taken.release()
        assert made(a_jpeg())

    def test_a_refused_one_leaves_room_for_the_next(self):
        for _ in range(3):
            with pytest.raises(ImageNotAcceptedError):
                made(b"no picture")

        assert made(a_jpeg())
