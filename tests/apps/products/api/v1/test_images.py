"""Pictures through the API: who adds them, who sees them, what their bytes may do."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from apps.products.models import Product, ProductImage
from apps.products.selectors.images import image_storage
from core.models import AuditEntry, OutboxEvent
from tests.factories.pictures import (
    a_jpeg,
    a_png_that_says,
    content_url,
    drawn,
    file_of,
    images_url,
    make_image,
)
from tests.factories.products import make_product, make_variant

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _storage(settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "images": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        },
    }


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


@pytest.fixture
def tee(db):
    return make_product()


def upload(client, product, content=None, name="tee.jpg", **fields):
    file = SimpleUploadedFile(name, a_jpeg() if content is None else content)
    return client.post(images_url(product), {"file": file, **fields}, format="multipart")


def files():
    """Every file in the storage."""
    storage = image_storage()
    found = []
    for shelf in storage.listdir("")[0]:
        for directory in storage.listdir(shelf)[0]:
            names = storage.listdir(f"{shelf}/{directory}")[1]
            found += [f"{shelf}/{directory}/{name}" for name in names]
    return sorted(found)


class TestAdding:
    def test_answers_the_image_with_every_size(self, staff, tee):
        response = upload(staff, tee, a_jpeg((600, 400)), alt="A white tee")

        document = response.json()
        assert response.status_code == 201, document
        address = f"http://127.0.0.1:8000/api/v1/product-images/{document['id']}"
        assert response["Location"] == f"/api/v1/products/{tee.pk}/images/{document['id']}"
        assert response["ETag"] == '"v1"'
        assert document["sizes"] == {
            "128": {"url": f"{address}/128", "width": 128, "height": 86},
            "256": {"url": f"{address}/256", "width": 256, "height": 171},
            "512": {"url": f"{address}/512", "width": 512, "height": 341},
            "1024": {"url": f"{address}/1024", "width": 600, "height": 400},
            "full": {"url": f"{address}/full", "width": 600, "height": 400},
        }
        shown = {name: document[name] for name in ("product_id", "variant_id", "alt", "position")}
        assert shown == {
            "product_id": str(tee.pk),
            "variant_id": None,
            "alt": "A white tee",
            "position": 0,
        }

    def test_moves_the_products_version_and_says_so(self, staff, tee):
        upload(staff, tee)

        assert Product.objects.get(pk=tee.pk).row_version == tee.row_version + 1
        event = OutboxEvent.objects.get(type="product.updated")
        assert event.payload["changed"] == ["images"]
        assert AuditEntry.objects.get(object_type="product_image").action == "products.image.added"

    def test_the_same_file_again_is_the_image_there_is(self, staff, tee):
        first = upload(staff, tee, name="a.jpg")
        before = files()

        again = upload(staff, tee, name="b.png", alt="another")

        assert again.status_code == 200
        assert again.json() == first.json()
        assert files() == before

    def test_another_product_may_have_the_same_file(self, staff, tee):
        first, second = upload(staff, tee), upload(staff, make_product())

        assert (first.status_code, second.status_code) == (201, 201)

    def test_comes_behind_the_others_unless_it_says_where(self, staff, tee):
        positions = [
            upload(staff, tee, a_jpeg((10 + n, 10)), **fields).json()["position"]
            for n, fields in enumerate([{}, {}, {"position": 7}, {}])
        ]

        assert positions == [0, 1, 7, 8]

    def test_may_show_a_variant_of_the_product(self, staff, tee, assert_problem):
        red = make_variant(tee)

        shown = upload(staff, tee, variant_id=str(red.pk))
        other = upload(staff, make_product(), variant_id=str(red.pk))

        assert shown.json()["variant_id"] == str(red.pk)
        assert_problem(other, 404, "variant_not_found")

    def test_a_product_has_twenty_at_most(self, staff, tee, assert_problem):
        make_image(tee)
        row = ProductImage.objects.get()
        for number in range(19):
            ProductImage.objects.create(
                product=tee, sha256=str(number), key=row.key, width=1, height=1
            )
        before = files()

        assert_problem(upload(staff, tee, a_jpeg((9, 9))), 409, "too_many_images")
        assert files() == before

    def test_what_is_refused_leaves_no_file(self, staff, tee, assert_problem):
        huge = upload(staff, tee, a_png_that_says(9_000, 9_000))
        svg = upload(staff, tee, b"<svg onload='alert(1)'/>", name="tee.png")
        long = upload(staff, tee, b"\xff\xd8" + b"\0" * (10 * 1024 * 1024))

        assert assert_problem(huge, 413, "image_too_large")["maximum_pixels"] == 40_000_000
        assert_problem(svg, 400, "image_not_accepted")
        assert assert_problem(long, 413, "image_too_large")["maximum_bytes"] == 10_485_760
        assert files() == []
        assert not ProductImage.objects.exists()

    def test_what_the_database_refuses_leaves_no_file(self, staff, tee, monkeypatch):
        from apps.products.services.images import changing

        monkeypatch.setattr(changing, "note_change", lambda *_: 1 / 0)

        assert upload(staff, tee).status_code == 500
        assert files() == []

    def test_needs_a_product_and_the_scope(self, staff, tee, client_of, alice, assert_problem):
        gone = Product(pk=make_image().pk)

        assert_problem(upload(staff, gone), 404, "product_not_found")
        assert_problem(upload(client_of(alice), tee), 403, "insufficient_scope")
        assert_problem(upload(client_of(None), tee), 401, "not_authenticated")

    def test_needs_a_file_and_takes_nothing_else(self, staff, tee, assert_problem):
        response = staff.post(images_url(tee), {"url": "http://x/"}, format="multipart")

        problem = assert_problem(response, 400, "validation_failed", at=("#/file", "required"))
        assert {"pointer": "#/url", "code": "unknown_field"}.items() <= problem["errors"][
            [e["pointer"] for e in problem["errors"]].index("#/url")
        ].items()


class TestReading:
    def test_lists_them_in_their_order(self, client_of, tee):
        late, early = (
            make_image(tee, position=5),
            make_image(tee, content=a_jpeg((9, 9)), position=1),
        )

        listed = client_of(None).get(images_url(tee)).json()["results"]

        assert [each["id"] for each in listed] == [str(early.pk), str(late.pk)]

    def test_of_a_draft_only_for_the_catalogues_staff(
        self, client_of, staff, alice, assert_problem
    ):
        draft = make_product(status="draft")
        image = make_image(draft)

        for client in (client_of(None), client_of(alice)):
            assert_problem(client.get(images_url(draft)), 404, "product_not_found")
            assert_problem(client.get(images_url(draft, image)), 404, "image_not_found")
            assert_problem(client.get(content_url(image)), 404, "image_not_found")
        assert staff.get(images_url(draft, image)).status_code == 200
        bytes_ = staff.get(content_url(image))
        assert (bytes_.status_code, bytes_["Cache-Control"]) == (200, "private, no-cache")

    def test_not_by_another_product(self, client_of, tee, assert_problem):
        image = make_image(tee)

        response = client_of(None).get(images_url(make_product(), image))

        assert_problem(response, 404, "image_not_found")


class TestBytes:
    def test_are_for_any_page_and_for_good(self, client_of, tee):
        image = make_image(tee, content=a_jpeg((600, 400)))

        response = client_of(None).get(content_url(image, "256"))

        assert response.status_code == 200
        headers = {
            name: response[name]
            for name in (
                "Content-Type",
                "Cache-Control",
                "Cross-Origin-Resource-Policy",
                "X-Content-Type-Options",
                "Content-Length",
                "ETag",
            )
        }
        key = ProductImage.objects.get().thumbnails["256"]["key"]
        assert headers == {
            "Content-Type": "image/webp",
            "Cache-Control": "public, max-age=31536000, immutable",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
            "Content-Length": str(len(response.content)),
            "ETag": f'"{key.rpartition("/")[2].removesuffix(".webp")}"',
        }
        picture = Image.open(BytesIO(response.content))
        assert (picture.format, picture.size) == ("WEBP", (256, 171))

    def test_are_not_sent_to_whoever_has_them(self, client_of, tee):
        client, image = client_of(None), make_image(tee)
        tag = client.get(content_url(image))["ETag"]

        again = client.get(content_url(image), HTTP_IF_NONE_MATCH=tag)

        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)

    def test_head_says_the_same_without_them(self, client_of, tee):
        client, image = client_of(None), make_image(tee)

        got, head = client.get(content_url(image)), client.head(content_url(image))

        assert head.content == b""
        for name in ("ETag", "Content-Length", "Content-Type", "Cache-Control"):
            assert head[name] == got[name]

    @pytest.mark.parametrize("size", ["0", "300", "FULL", "256.webp"])
    def test_of_no_other_size(self, client_of, tee, size, assert_problem):
        image = make_image(tee)

        assert_problem(client_of(None).get(content_url(image, size)), 404, "image_not_found")

    @pytest.mark.parametrize("method", ["get", "head"])
    def test_that_the_storage_has_lost_are_not_there(self, client_of, tee, method):
        image = make_image(tee)
        for key in files():
            image_storage().delete(key)

        assert getattr(client_of(None), method)(content_url(image)).status_code == 404

    def test_come_as_webp_or_not_at_all(self, client_of, tee, assert_problem):
        image, client = make_image(tee), client_of(None)

        browser = client.get(content_url(image), HTTP_ACCEPT="image/avif,image/webp,*/*;q=0.8")
        other = client.get(content_url(image), HTTP_ACCEPT="text/html")

        assert browser.status_code == 200
        assert_problem(other, 406, "not_acceptable")


class TestChanging:
    def test_describes_and_moves(self, staff, tee):
        image = make_image(tee)
        red = make_variant(tee)

        response = staff.patch(
            images_url(tee, image),
            {"alt": "Back", "position": 3, "variant_id": str(red.pk)},
            format="json",
        )

        document = response.json()
        assert response.status_code == 200, document
        assert (document["alt"], document["position"]) == ("Back", 3)
        assert document["variant_id"] == str(red.pk)
        assert response["ETag"] == '"v2"'

    def test_what_is_so_already_moves_nothing(self, staff, tee):
        image = make_image(tee, alt="Front")
        before = Product.objects.get(pk=tee.pk).row_version

        response = staff.patch(images_url(tee, image), {"alt": "Front"}, format="json")

        assert response["ETag"] == '"v1"'
        assert Product.objects.get(pk=tee.pk).row_version == before

    def test_not_from_a_stale_version_nor_to_anothers_variant(self, staff, tee, assert_problem):
        image = make_image(tee)
        url = images_url(tee, image)
        other = make_product().only

        stale = staff.patch(url, {"alt": "x"}, format="json", HTTP_IF_MATCH='"v9"')
        foreign = staff.patch(url, {"variant_id": str(other.pk)}, format="json")

        assert_problem(stale, 412, "precondition_failed")
        assert_problem(foreign, 404, "variant_not_found")

    def test_of_another_product_is_not_found(self, staff, tee, assert_problem):
        image = make_image(tee)

        for method in (staff.patch, staff.delete):
            response = method(images_url(make_product(), image), {"alt": "x"}, format="json")
            assert_problem(response, 404, "image_not_found")


class TestDeleting:
    def test_takes_the_row_and_its_files(self, staff, tee, django_capture_on_commit_callbacks):
        image, kept = make_image(tee), make_image(tee, content=file_of(drawn(), "PNG"))

        with django_capture_on_commit_callbacks(execute=True):
            response = staff.delete(images_url(tee, image), HTTP_IF_MATCH='"v1"')

        assert response.status_code == 204
        assert list(ProductImage.objects.all()) == [kept]
        assert all(str(kept.pk) in key for key in files())
        assert files()

    def test_not_from_a_stale_version(self, staff, tee, assert_problem):
        image = make_image(tee)

        response = staff.delete(images_url(tee, image), HTTP_IF_MATCH='"v9"')

        assert_problem(response, 412, "precondition_failed")
        assert ProductImage.objects.exists()
