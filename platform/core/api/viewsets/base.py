"""The checks of every call in one order, and the rules that a view states for them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NoReturn, TypeVar

from django.utils import timezone
from rest_framework.views import APIView

from core.api.conditional import ConditionalMixin, NotModifiedError, check_presence
from core.api.deprecation import announce, refuse_retired
from core.api.errors import answer_error
from core.api.filters import check_parameters
from core.api.idempotency import answer_once
from core.api.parsers import NumbersJSONParser, StrictJSONParser
from core.api.permissions import PUBLIC, HasRequiredScopes, is_open, principal_of
from core.api.refusals import LimitsUnavailableError, MethodNotAllowedError, too_many
from core.api.requests import ApiRequest, accept
from core.api.throttling import Decision, caller_of, limiter
from core.api.viewsets.answers import rendered, without_body
from core.errors import InvalidError
from core.limits import JSON_MAX_BODY
from core.observability.headers import add_missing, prepare
from core.observability.request_id import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase
    from rest_framework.parsers import BaseParser

    from core.api.deprecation import Deprecation

Value = TypeVar("Value")
Idempotency = Literal["required", "accepted", "ignored"]

WITH_BODY: Final = frozenset({"post", "put", "patch"})
REPEATABLE_BY_KEY: Final = frozenset({"post", "patch"})
SHARED: Final = frozenset({200, 304})  # statuses
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SCOPES_CHECK: Final = HasRequiredScopes()
PARSERS: dict[type[BaseParser], BaseParser] = {  # they keep nothing
    parser: parser() for parser in (StrictJSONParser, NumbersJSONParser)
}


class ApiBase(ConditionalMixin, APIView):
    """Common to views and viewsets.

    An *operation* is the action of a viewset, or the method of a view in lower case (head: get).
    Attributes marked (by operation) may be one value or a mapping from operations to values.

    Attributes:
        required_scopes: the scope each operation needs; None: any credential; PUBLIC: anyone;
            OrAnonymous(scope): anyone without a credential. What is missing is denied.
        limit_scope: key of settings.RATE_LIMITS that calls are counted under (by operation).
        spends_in_handler: the handler calls `spend` itself, once it knows the call's weight.
        query_parameters: names allowed beside pagination and filters (by operation).
        idempotency: what an Idempotency-Key means: "required", "accepted" or "ignored", by
            operation; POST and PATCH accept one unless told otherwise.
        max_body: bytes a body may have (by operation).
        media_types: what the operation answers in, preferred first (by operation).
        takes_any_json: a body may be something other than an object.
        has_etag, takes_if_match, requires_if_match: see core.api.conditional.
        public_max_age: seconds that a successful answer to somebody without a credential may be
            kept and shared by caches on the way (RFC 9111 section 5.2.2), by operation.
        deprecations: of operations that should not be used any more; see core.api.deprecation.
        deprecated_parameters: of query parameters; only the schema says it.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {}
    limit_scope: ClassVar[str | Mapping[str, str]] = "default"
    spends_in_handler: ClassVar[bool] = False
    query_parameters: ClassVar[frozenset[str] | Mapping[str, frozenset[str]]] = frozenset()
    idempotency: ClassVar[Mapping[str, Idempotency]] = {}
    max_body: ClassVar[int | Mapping[str, int]] = JSON_MAX_BODY
    media_types: ClassVar[tuple[str, ...] | Mapping[str, tuple[str, ...]]] = ("application/json",)
    takes_any_json: ClassVar[bool] = False
    public_max_age: ClassVar[Mapping[str, int]] = {}
    deprecations: ClassVar[Mapping[str, Deprecation]] = {}
    deprecated_parameters: ClassVar[Mapping[str, Deprecation]] = {}
    versioning_class = None  # the path says the version, and each version has views of its own

    request: ApiRequest
    method: str = ""
    operation: str = ""
    decision: Decision | None = None
    _afterwards: Callable[[], HttpResponseBase] | None = None

    def dispatch(
        self,
        request: HttpRequest,
        *args: Any,  # noqa: ANN401 - from the route
        **kwargs: Any,  # noqa: ANN401 - from the route
    ) -> HttpResponseBase:
        """Run the checks, then the handler; turn whatever is raised into a problem."""
        self.args, self.kwargs = args, kwargs
        self.request = ApiRequest(request, view=self, parsers=self.get_parsers())
        try:
            handler = self._find_handler(request.method or "")
            self.initial(self.request, *args, **kwargs)
            response = self._run(handler)
        except NotModifiedError:
            response = without_body(304, {"ETag": self.row_tag})
        except Exception as error:  # noqa: BLE001 - the boundary: every failure becomes a problem
            response = self.answer_failure(request, error)
        return self._finish(request, response)

    def initial(self, request: ApiRequest, *args: Any, **kwargs: Any) -> None:  # type: ignore[override] # noqa: ANN401, ARG002 - DRF's signature
        """What must hold before the handler runs, the cheapest first."""
        if self.method == "options":
            return
        meta = request.META
        request.accepted_media_type = accept(
            meta.get("HTTP_ACCEPT"), self.of_operation(self.media_types, ("application/json",))
        )
        self.perform_authentication(request)
        self.check_permissions(request)
        if self.deprecations:
            refuse_retired(self, now=timezone.now())
        if meta.get("QUERY_STRING"):
            self.check_query(request)
        if self.operation in self.requires_if_match:
            check_presence(request)
        if self.method in WITH_BODY:
            request.check_length(self.of_operation(self.max_body, JSON_MAX_BODY))
            if not isinstance(request.data, Mapping) and not self.takes_any_json:
                raise InvalidError("The body must be a JSON object.")
        if not self.spends_in_handler:
            self.spend(request, self.limit_weight(request))

    # -- Rules that a view may override

    def answer_failure(self, request: HttpRequest, error: Exception) -> HttpResponse:
        """The answer for whatever was raised; a protocol of others has a shape of its own."""
        return answer_error(request, error)

    def check_query(self, request: ApiRequest) -> None:
        """Refuse query parameters that the operation does not know."""
        check_parameters(self, request)

    def limit_weight(self, request: ApiRequest) -> int:  # noqa: ARG002 - for those who override it
        """What this call costs; called after the body has been parsed."""
        return 1

    def of_operation(self, rule: Value | Mapping[str, Value], default: Value) -> Value:
        """A rule's value for the running operation."""
        return rule.get(self.operation, default) if isinstance(rule, Mapping) else rule

    def idempotency_of(self, operation: str, method: str) -> Idempotency:
        """What an Idempotency-Key means for an operation."""
        if self.required_scopes.get(operation) is PUBLIC or method not in REPEATABLE_BY_KEY:
            return "ignored"
        return self.idempotency.get(operation, "accepted")

    def spend(self, request: ApiRequest, weight: int = 1) -> None:
        """Charge this call to its caller. Raises QuotaExceededError, LimitsUnavailableError."""
        decision = self._decide(request, weight, takes_slot=True)
        if not decision.allowed:
            raise too_many(decision.retry_after, decision.violated)

    def finish_afterwards(self, step: Callable[[], HttpResponseBase]) -> None:
        """Do the rest of this call's work once what the handler wrote has been committed.

        For work that must not happen in a transaction, such as a call to a payment provider: the
        handler writes what it is going to do, and answers as things stand then. The step runs
        outside any transaction, and its answer takes the place of the handler's, also for whoever
        repeats the call with its Idempotency-Key. Until it has ended, a repetition is told to wait;
        when the process dies before, the handler's answer is the one that is repeated.

        An operation that does so takes a key, or is one whose caller has none.
        """
        self._afterwards = step

    # -- DRF's hooks, made lean

    def get_parsers(self) -> list[BaseParser]:
        return [PARSERS.get(parser) or parser() for parser in self.parser_classes]

    def perform_authentication(self, request: ApiRequest) -> None:  # type: ignore[override] # a narrower request
        """Set `request.user` and `request.auth`; a bad credential is refused on any view."""
        for authenticator in self.get_authenticators():
            found = authenticator.authenticate(request)
            if found is not None:
                request.user, request.auth = found
                return
        request.forget_caller()

    def check_permissions(self, request: ApiRequest) -> None:  # type: ignore[override] # a narrower request
        """Scopes always, then whatever else `permission_classes` asks for."""
        SCOPES_CHECK.has_permission(request, self)
        for permission in self.permission_classes:
            if permission is not HasRequiredScopes:
                permission().has_permission(request, self)

    def options(self, request: ApiRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override] # noqa: ANN401, ARG002 - DRF's signature
        """204 with Allow; nothing about the view itself."""
        return without_body(204, {"Allow": ", ".join(self.allowed_methods)})

    # -- Steps of dispatch

    def _find_handler(self, method: str) -> Callable[..., HttpResponseBase]:
        self.method = method.lower()
        self._name_operation()
        known = method in METHODS and self.method in self.http_method_names
        handler: Callable[..., HttpResponseBase] | None = None
        if known:
            handler = getattr(self, self.method, None)
        if handler is None:
            self._refuse_method()
        return handler

    def _refuse_method(self) -> NoReturn:
        """405 for whoever may call anything here; a stranger learns only that they are one: 401."""
        self.perform_authentication(self.request)
        if not any(map(is_open, self.required_scopes.values())):
            principal_of(self.request)
        raise MethodNotAllowedError(
            f"Allowed: {', '.join(self.allowed_methods)}.", allowed=self.allowed_methods
        )

    def _name_operation(self) -> None:
        self.operation = "get" if self.method == "head" else self.method

    def _run(self, handler: Callable[..., HttpResponseBase]) -> HttpResponseBase:
        def call() -> HttpResponseBase:
            return self._tagged(handler(self.request, *self.args, **self.kwargs))

        def finish() -> HttpResponseBase | None:
            step, self._afterwards = self._afterwards, None
            return None if step is None else self._tagged(step())

        if self.method in REPEATABLE_BY_KEY and self.request.auth is not None:
            mode = self.idempotency_of(self.operation, self.method)
            if mode != "ignored":
                return answer_once(
                    self.request,
                    call,
                    required=mode == "required",
                    is_unfinished=lambda: self._afterwards is not None,
                    finish=finish,
                )
        response = call()
        return finish() or response

    def _tagged(self, answered: HttpResponseBase) -> HttpResponseBase:
        """Rendered, with the version of the row that it shows."""
        response = rendered(answered)
        if self.row_tag:
            response.headers["ETag"] = self.row_tag
        return response

    def _decide(self, request: ApiRequest, weight: int, *, takes_slot: bool = False) -> Decision:
        scope = self.of_operation(self.limit_scope, "default")
        caller = caller_of(request._request, getattr(request, "_auth", None))  # noqa: SLF001 - DRF's wrapper proxies slowly
        self.decision = limiter.spend(caller, scope, weight, takes_slot=takes_slot)
        context = current()
        context.work, context.units = scope, self.decision.weight
        return self.decision

    def _finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Put the limit headers on; a call that failed before it was charged is charged now."""
        if self.decision is None:
            with suppress(LimitsUnavailableError):  # the answer that there is says more
                decision = self._decide(self.request, 1)
                if not decision.allowed and response.status_code >= 400:  # noqa: PLR2004 - a refusal
                    refusal = too_many(decision.retry_after, decision.violated)
                    response = self.answer_failure(request, refusal)
        if self.decision is not None:
            add_missing(response, self.decision.headers)
            self._release(response, self.decision)
        if self.deprecations:
            announce(self, response)
        if self.public_max_age:
            self._say_shared(response)
        return response

    def _say_shared(self, response: HttpResponseBase) -> None:
        """Let caches share what anybody would be answered."""
        seconds = self.public_max_age.get(self.operation, 0)
        if seconds and response.status_code in SHARED and self.request._auth is None:  # noqa: SLF001 - DRF's wrapper proxies slowly
            add_missing(response, prepare({"Cache-Control": f"public, max-age={seconds}"}))

    @staticmethod
    def _release(response: HttpResponseBase, decision: Decision) -> None:
        """Give the slot back: now, or when the last byte of a streamed answer has been sent."""
        if decision.pool is None:
            return
        if response.streaming:
            closers: list[Callable[[], object]] = response._resource_closers  # type: ignore[attr-defined] # noqa: SLF001 - what close() calls
            closers.append(partial(limiter.release, decision))
        else:
            limiter.release(decision)
