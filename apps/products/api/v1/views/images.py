"""Pictures of products: taken in, described, shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.products.api.v1 import examples_images as examples
from apps.products.api.v1.serializers.images import ImageIn, ImageOut, ImagePatchIn
from apps.products.models import ProductImage
from apps.products.selectors import images as selectors
from apps.products.services.images import changing
from apps.products.services.images.limits import FILE_MAX
from core.api.conditional import is_known
from core.api.parsers import StrictMultiPartParser
from core.api.schema import problem
from core.api.serializers import validated
from core.api.viewsets import PUBLIC, ApiView, ApiViewSet
from core.limits import MULTIPART_OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from core.api.viewsets import ApiRequest

TAGS = ["product images"]
FOREVER = "public, max-age=31536000, immutable"  # a year: what is behind an address never changes
FOR_STAFF = "private, no-cache"  # of a product that is not on sale


@extend_schema_view(
    list=extend_schema(
        operation_id="list_product_images",
        summary="List a product's images",
        examples=examples.LIST_IMAGES,
        tags=TAGS,
    ),
)
class ImagesViewSet(mixins.ListModelMixin, ApiViewSet[ProductImage]):
    """A product's images in their order; of a product that is not on sale for catalog:write."""

    has_etag = frozenset({"create"})
    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": PUBLIC,
        "create": "catalog:write",
    }
    limit_scope: ClassVar[Mapping[str, str]] = {"create": "upload"}
    max_body: ClassVar[Mapping[str, int]] = {"create": FILE_MAX + MULTIPART_OVERHEAD}
    parser_classes = [StrictMultiPartParser]
    serializer_class = ImageOut
    sort_fields: ClassVar[Mapping[str, str]] = {
        "position": "position",
        "created_at": "created_at",
    }
    ordering = ("position", "id")

    def get_queryset(self) -> QuerySet[ProductImage]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return ProductImage.objects.none()
        return selectors.images_of(self.request.auth, self.kwargs["product_id"])

    @extend_schema(
        operation_id="add_product_image",
        summary="Add an image",
        request=ImageIn,
        responses={
            200: ImageOut,
            201: ImageOut,
            **problem(400, "validation_failed", "image_not_accepted"),
            **problem(404, "product_not_found", "variant_not_found"),
            **problem(409, "too_many_images"),
            **problem(413, "image_too_large", "body_too_large"),
            **problem(503, "images_busy"),
        },
        examples=examples.ADD_IMAGE,
        tags=TAGS,
    )
    def create(self, request: ApiRequest, product_id: UUID) -> Response:
        """Upload a picture; it is decoded and made anew as WebP, with four smaller sizes.

        Its content decides what it is, whatever it is called. Nothing that it says beside its
        pixels is kept, be it a place or a profile; EXIF's orientation is obeyed. Of an animation
        the first frame is taken. The same file again is the image that there is: 200.
        """
        data = validated(ImageIn, request)
        added = changing.add_image(
            product_id=product_id,
            file=data["file"],
            alt=data.get("alt", ""),
            variant_id=data.get("variant_id"),
            position=data.get("position"),
            actor=request.auth,
        )
        location = reverse(
            "v1:product-image-detail",
            kwargs={"product_id": product_id, "image_id": added.image.pk},
        )
        code = status.HTTP_201_CREATED if added.is_new else status.HTTP_200_OK
        return self.answer(added.image, status=code, location=location)


class ImageViewSet(ApiViewSet[ProductImage]):
    """One image of a product."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "retrieve": PUBLIC,
        "partial_update": "catalog:write",
        "destroy": "catalog:write",
    }
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"destroy"})
    serializer_class = ImageOut

    @extend_schema(
        operation_id="get_product_image",
        summary="Read an image",
        responses={200: ImageOut, **problem(404, "image_not_found")},
        examples=examples.SHOW_IMAGE,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, product_id: UUID, image_id: UUID) -> Response:
        """What it shows, and where the bytes of each size are."""
        return self.answer(selectors.image_for(request.auth, product_id, image_id))

    @extend_schema(
        operation_id="change_product_image",
        summary="Describe or move an image",
        request=ImagePatchIn,
        responses={
            200: ImageOut,
            **problem(404, "product_not_found", "image_not_found", "variant_not_found"),
        },
        examples=examples.CHANGE_IMAGE,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, product_id: UUID, image_id: UUID) -> Response:
        """Fields that are not sent stay as they are. For another picture add another image."""
        image = changing.change_image(
            product_id=product_id,
            image_id=image_id,
            changes=validated(ImagePatchIn, request),
            check=self._check(request, product_id, image_id),
            actor=request.auth,
        )
        return self.answer(image)

    @extend_schema(
        operation_id="delete_product_image",
        summary="Delete an image",
        responses={204: None, **problem(404, "product_not_found", "image_not_found")},
        tags=TAGS,
    )
    def destroy(self, request: ApiRequest, product_id: UUID, image_id: UUID) -> Response:
        """Delete it and its files; who has kept the bytes goes on showing them."""
        changing.delete_image(
            product_id=product_id,
            image_id=image_id,
            check=self._check(request, product_id, image_id),
            actor=request.auth,
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _check(self, request: ApiRequest, product_id: UUID, image_id: UUID) -> Callable[..., None]:
        return self.precondition(partial(selectors.image_for, request.auth, product_id, image_id))


class ImageContentView(ApiView):
    """The bytes of one size of an image, for any page."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": PUBLIC}
    has_etag = frozenset({"get"})
    media_types: ClassVar[tuple[str, ...]] = (selectors.CONTENT_TYPE,)

    @extend_schema(
        operation_id="get_product_image_content",
        summary="Load an image",
        responses={
            (200, selectors.CONTENT_TYPE): OpenApiTypes.BINARY,
            **problem(404, "image_not_found"),
        },
        tags=TAGS,
    )
    def get(self, request: ApiRequest, image_id: UUID, size: str) -> HttpResponse:
        """The picture in WebP, at 128, 256, 512 or 1024 pixels of its longest edge, or `full`.

        Anybody may keep it for good: what is behind an address never changes. Any page may show it.
        """
        content = selectors.content_for(request.auth, image_id, size)
        headers = {
            "ETag": f'"{content.digest}"',
            "Cache-Control": FOREVER if content.is_public else FOR_STAFF,
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if is_known(request, headers["ETag"]):
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        if request.method == "HEAD":
            answer = HttpResponse(content_type=selectors.CONTENT_TYPE, headers=headers)
            answer.headers["Content-Length"] = str(content.size())
            return answer
        body = content.read()
        headers["Content-Length"] = str(len(body))
        return HttpResponse(body, content_type=selectors.CONTENT_TYPE, headers=headers)
