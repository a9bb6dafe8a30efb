"""Categories, in and out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.products.models import Category
from apps.products.services import categories as services
from apps.products.services.catalogue.rules import DESCRIPTION_MAX, POSITION_MAX
from core.api.serializers import InputSerializer, OutputSerializer


class _CategoryRules(InputSerializer[None]):
    """What a category may have, new or changed."""

    description = serializers.CharField(
        max_length=DESCRIPTION_MAX, required=False, allow_blank=True
    )
    position = serializers.IntegerField(
        required=False,
        min_value=-POSITION_MAX,
        max_value=POSITION_MAX,
        help_text="Among its siblings, ascending; then by name.",
    )
    parent_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="The category above; null: it is a root."
    )


class CategoryIn(_CategoryRules):
    name = serializers.CharField(max_length=services.NAME_MAX)
    slug = serializers.CharField(
        max_length=services.SLUG_MAX,
        required=False,
        help_text="In addresses, for life; without it one is made of the name.",
    )


class CategoryPatchIn(_CategoryRules):
    name = serializers.CharField(max_length=services.NAME_MAX, required=False)


class CategoryLinkOut(OutputSerializer[Category]):
    """A category as others name it."""

    id = serializers.UUIDField()
    slug = serializers.CharField(help_text="In addresses.")
    name = serializers.CharField()


def _path_state(category: Any) -> object:  # noqa: ANN401 - with its path
    return tuple((str(row.pk), row.slug, row.name) for row in category.path) or None


class CategoryOut(OutputSerializer[Category]):
    """A place in the tree that products are found under."""

    beside = {"ancestors": _path_state}  # their names move without this row

    id = serializers.UUIDField()
    parent_id = serializers.UUIDField(allow_null=True, help_text="Null: it is a root.")
    slug = serializers.CharField(help_text="In addresses, for life.")
    name = serializers.CharField()
    description = serializers.CharField(help_text="May be empty.")
    position = serializers.IntegerField(help_text="Among its siblings, ascending.")
    ancestors = serializers.SerializerMethodField(help_text="From the root of the tree down.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @extend_schema_field(CategoryLinkOut(many=True))
    def get_ancestors(self, category: Any) -> list[Any]:  # noqa: ANN401 - with its path
        return list(CategoryLinkOut(category.path, many=True).data)


CHILDREN = {"type": "array", "items": {"$ref": "#/components/schemas/CategoryNode"}}


class CategoryNodeOut(OutputSerializer[Any]):
    """A category with those below it."""

    id = serializers.UUIDField()
    slug = serializers.CharField(help_text="In addresses.")
    name = serializers.CharField()
    position = serializers.IntegerField(help_text="Among its siblings, ascending.")
    child_count = serializers.IntegerField(help_text="Categories right below it.")
    children = serializers.SerializerMethodField(
        help_text="Those right below it; none where `depth` ends."
    )

    @extend_schema_field(CHILDREN)
    def get_children(self, node: dict[str, Any]) -> list[Any]:
        return list(CategoryNodeOut(node["children"], many=True).data)


class CategoryTreeOut(OutputSerializer[Any]):
    """All categories."""

    results = CategoryNodeOut(many=True, help_text="The roots.")
