"""How a model is promoted, and who wanted which version to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from apps.ml_models.errors import PromotionNotFoundError
from apps.ml_models.models import ModelPolicy, Promotion
from apps.ml_models.selectors.registry import model_by_name

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from apps.ml_models.models import RegisteredModel
    from core.db.shaping import Shape

NO_ROW: Final = 0
"""The row_version of a policy without a row, so that its ETag is not that of the first row."""


def policy_of(model: RegisteredModel) -> ModelPolicy:
    """The model's policy; without a row, one of the defaults that is not saved and has no times."""
    found = ModelPolicy.objects.filter(model=model).first()
    if found is not None:
        return found
    never: Any = None
    return ModelPolicy(model=model, row_version=NO_ROW, created_at=never, updated_at=never)


def policy_by_name(name: str) -> ModelPolicy:
    """The same, of the model of this name."""
    model = model_by_name(name)
    policy = policy_of(model)
    policy.model = model  # it is the same; nothing is read again
    return policy


def promotions_of(name: str) -> QuerySet[Promotion]:
    """Promotions of a model that exists."""
    return Promotion.objects.filter(model=model_by_name(name))


def _with_names(promotions: QuerySet[Promotion]) -> QuerySet[Promotion]:
    return promotions.select_related("model", "version")


def promotion_for(
    name: str, promotion_id: UUID, shape: Shape[Promotion] = _with_names
) -> Promotion:
    try:
        return shape(promotions_of(name)).get(pk=promotion_id)
    except Promotion.DoesNotExist:
        raise PromotionNotFoundError(f"{name} has no promotion {promotion_id}.") from None


def open_promotion(model: RegisteredModel, alias: str) -> Promotion | None:
    """The proposal of an alias that waits for a decision; there is one at most."""
    open_ones = Promotion.objects.filter(model=model, state=Promotion.State.PROPOSED)
    return open_ones.filter(alias=alias).first()
