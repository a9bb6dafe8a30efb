"""Files of images: none without a row for long, no row without its files; and the table."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction

from apps.products.models import Product, ProductImage
from apps.products.selectors.images import (
    SIZE_NAMES,
    directory_of,
    image_document,
    image_storage,
    picture_of,
)
from apps.products.services.images.changing import add_image
from apps.products.services.images.storing import purge_orphaned_images
from core.ids import uuid7
from tests.factories.parallel import in_parallel
from tests.factories.pictures import a_jpeg, make_image
from tests.factories.products import make_product

LATER = timedelta(hours=25)


@pytest.fixture(autouse=True)
def _storage(settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "images": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        },
    }


def now():
    return datetime.now(UTC)


def has_files(image_id):
    return image_storage().exists(directory_of(image_id))


@pytest.mark.django_db
class TestOrphans:
    def test_go_a_day_after_they_were_written(self):
        kept, orphan = make_image(), uuid7()
        image_storage().save(f"{directory_of(orphan)}/a.webp", ContentFile(b"x"))

        assert purge_orphaned_images(now=now()) == 0
        assert has_files(orphan)
        assert purge_orphaned_images(now=now() + LATER) == 1
        assert not has_files(orphan)
        assert has_files(kept.pk)

    def test_what_is_not_ours_stays(self):
        image_storage().save("ab/notes/readme.txt", ContentFile(b"x"))

        assert purge_orphaned_images(now=now() + LATER) == 0
        assert image_storage().exists("ab/notes/readme.txt")

    def test_an_empty_storage_has_none(self):
        assert purge_orphaned_images(now=now()) == 0


@pytest.mark.django_db
class TestDocument:
    def test_names_a_file_for_every_size(self):
        image = make_image(content=a_jpeg((300, 200)))

        for name in SIZE_NAMES:
            assert image_storage().exists(picture_of(image, name).key)
        document = image_document(image)
        assert document.keys() == {"id", "alt", "width", "height", "sizes"}
        assert document["sizes"].keys() == set(SIZE_NAMES)


@pytest.mark.django_db
class TestTable:
    @pytest.mark.parametrize("fields", [{"width": 0}, {"height": 0}], ids=["width", "height"])
    def test_refuses_a_picture_without_pixels(self, fields):
        row = {"product": make_product(), "sha256": "1", "key": "k", "width": 1, "height": 1}

        with pytest.raises(IntegrityError, match="product_image_size"), transaction.atomic():
            ProductImage.objects.create(**row | fields)

    def test_refuses_the_same_file_twice_of_one_product(self):
        image = make_image()

        with pytest.raises(IntegrityError, match="product_image_once"), transaction.atomic():
            ProductImage.objects.create(
                product=image.product, sha256=image.sha256, key="k", width=1, height=1
            )


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_the_same_file_is_one_image_and_others_never_pass_the_limit(self):
        product = make_product()
        for number in range(17):
            ProductImage.objects.create(
                product=product, sha256=str(number), key="k", width=1, height=1
            )
        contents = [a_jpeg((8, 8))] * 3 + [a_jpeg((9 + n, 8)) for n in range(4)]

        def add(number):
            return add_image(
                product_id=product.pk,
                file=BytesIO(contents[number]),
                alt="",
                variant_id=None,
                position=None,
                actor=None,
            )

        answers = in_parallel(add, count=7)

        made = [each for each in answers if not isinstance(each, Exception)]
        same = {each.image.pk for each in answers[:3] if not isinstance(each, Exception)}
        assert len(same) <= 1
        assert sum(each.is_new for each in made) == 3
        assert ProductImage.objects.filter(product=product).count() == 20
        found = [image.pk for image in ProductImage.objects.filter(product=product)]
        shelves = image_storage().listdir("")[0]
        with_files = {name for shelf in shelves for name in image_storage().listdir(shelf)[0]}
        assert with_files == {str(each.image.pk) for each in made}
        assert with_files <= {str(pk) for pk in found}
        assert Product.objects.get(pk=product.pk).row_version == product.row_version + 3
