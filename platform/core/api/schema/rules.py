"""What a view says of itself, asked for one of its operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.openapi import AutoSchema

from core.api.permissions import MISSING

if TYPE_CHECKING:
    from core.api.deprecation import Deprecation


class Rules(AutoSchema):
    """Reads a view's class attributes; see "What a view says of itself" in docs/how-to.

    Attributes:
        operation_name: the action of a viewset, or the method in lower case.
    """

    view: Any  # an ApiView or ApiViewSet; views of others pass through unchanged
    operation_name: str = ""

    @property
    def _scope(self) -> Any:  # noqa: ANN401 - a scope, None, PUBLIC or MISSING
        return self.view.required_scopes.get(self.operation_name, MISSING)

    @property
    def _deprecation(self) -> Deprecation | None:
        found: Deprecation | None = self.view.deprecations.get(self.operation_name)
        return found

    def _idempotency(self) -> str:
        mode: str = self.view.idempotency_of(self.operation_name, self.method.lower())
        return mode

    def _is_detail_read(self) -> bool:
        return self.method == "GET" and (self.operation_name == "retrieve" or self._has_etag())

    def _has_etag(self) -> bool:
        """Whether the view says that answers of this operation carry a row's version."""
        said: bool | frozenset[str] = self.view.has_etag
        return said if isinstance(said, bool) else self.operation_name in said

    def _has_304(self) -> bool:
        return self._is_detail_read() or self._is_download()

    def _is_download(self) -> bool:
        """Whether the answer is bytes that `Range` may ask parts of."""
        asked = self.get_override_parameters()
        return any(getattr(parameter, "name", "") == "Range" for parameter in asked)

    def _takes_if_match(self) -> bool:
        named = self.operation_name in self.view.takes_if_match
        return self.method == "PATCH" or named or self._requires_if_match()

    def _requires_if_match(self) -> bool:
        return self.operation_name in self.view.requires_if_match
