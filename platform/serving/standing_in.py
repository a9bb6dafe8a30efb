"""Whether one version can answer the callers of another, who know nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.features import UnknownCategory

if TYPE_CHECKING:
    from serving.features import Feature, Output
    from serving.signature import Signature


def why_not(candidate: Signature, present: Signature) -> str:
    """Why `candidate` cannot stand in for `present`, as a sentence; empty when it can.

    It can when it takes every row that the present version takes, sent by name or in order, and
    answers with the same outputs. Wider ranges and more categories are no hindrance.
    """
    if candidate.feature_names != present.feature_names:
        return _names_differ(candidate, present)
    for wanted, found in zip(present.features, candidate.features, strict=True):
        difference = _why_not_feature(found, wanted)
        if difference:
            return f"Feature {wanted.name!r} {difference}."
    return _why_not_outputs(candidate.outputs, present.outputs)


def _names_differ(candidate: Signature, present: Signature) -> str:
    missing = [name for name in present.feature_names if name not in candidate.by_name]
    new = [name for name in candidate.feature_names if name not in present.by_name]
    if missing:
        return f"It takes no feature {missing[0]!r}, which callers send."
    if new:
        return f"It needs a feature {new[0]!r}, which callers do not send."
    return "It takes the features in another order."


def _why_not_feature(found: Feature, wanted: Feature) -> str:
    if (found.kind, found.shape) != (wanted.kind, wanted.shape):
        return f"is {_form(found)}, not {_form(wanted)}"
    if _is_above(found.minimum, wanted.minimum) or _is_above(
        _negative(found.maximum), _negative(wanted.maximum)
    ):
        return "has a narrower range"
    if found.unknown is UnknownCategory.OTHER:
        return ""
    if wanted.unknown is UnknownCategory.OTHER:
        return "refuses categories that it does not know"
    lacking = [word for word in wanted.vocabulary if word not in set(found.vocabulary)]
    return f"lacks the category {lacking[0]!r}" if lacking else ""


def _form(feature: Feature) -> str:
    return f"{feature.kind} of shape {list(feature.shape)}" if feature.shape else feature.kind


def _is_above(found: float | None, wanted: float | None) -> bool:
    """Whether one lower bound shuts out what another lets in."""
    return found is not None and (wanted is None or found > wanted)


def _negative(bound: float | None) -> float | None:
    return None if bound is None else -bound


def _why_not_outputs(found: tuple[Output, ...], wanted: tuple[Output, ...]) -> str:
    if [(output.name, output.shape) for output in found] != [
        (output.name, output.shape) for output in wanted
    ]:
        return "It answers with other outputs."
    for one, other in zip(found, wanted, strict=True):
        if one.class_labels and other.class_labels and one.class_labels != other.class_labels:
            return f"Output {one.name!r} has other class labels."
    return ""
