"""The gate: what a version must show before a gated alias may lead to it.

Each check compares something that is stored; nothing is run here.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from apps.ml_models.errors import RuntimeUnavailableError
from apps.ml_models.models import ModelVersion
from apps.ml_models.selectors.promotions import policy_of
from apps.ml_models.selectors.registry import find_alias, measured_bytes, version_by_number
from apps.ml_models.selectors.replays import newest_replay, share_of
from apps.ml_models.selectors.rollouts import last_live
from apps.ml_models.services.names import check_alias
from apps.ml_models.services.states import check_ready
from serving.artefact import FileRole, Manifest
from serving.scores import Scoring
from serving.signature import Signature
from serving.standing_in import why_not

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.ml_models.models import ModelAlias, ModelPolicy, RegisteredModel, Replay

FILE_OF: Final = {
    ModelVersion.Engine.LITERT: FileRole.LITERT,
    ModelVersion.Engine.TENSORFLOW: FileRole.KERAS,
}
"""What an engine reads; the manifest has a LiteRT file only if it answered the golden set alike."""
COPIES: Final = 3  # of its file that a version takes in memory, where nobody has measured it
REPLAY_AGE_MAX: Final = timedelta(days=7)  # then it says too little of what callers send now
REPLAY_ROWS_ENOUGH: Final = 1_000  # without any flip these pass whatever the bound, even 0
MIB: Final = 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of the gate.

    Attributes:
        code: stable, snake_case.
        wanted: what is asked for: a number, or null where there is none to compare with.
        found: what the version has; null: nothing.
        detail: a sentence.
    """

    code: str
    passed: bool
    wanted: float | None
    found: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class GateReport:
    """All conditions, in one order.

    Attributes:
        alias: whose gate it is.
        against: number of the version that it is compared with: the alias's own, or of one that
            was deleted the last that answered; None: there has been none.
    """

    alias: str
    against: int | None
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    def to_document(self) -> dict[str, Any]:
        """As promotions keep it and the API shows it."""
        return {
            "alias": self.alias,
            "passed": self.passed,
            "against": self.against,
            "checks": [asdict(check) for check in self.checks],
        }


def judge(
    *, model: RegisteredModel, alias: str, version: ModelVersion, current: ModelAlias | None
) -> GateReport:
    """Ask every question of the gate; the policy decides which of them can fail.

    Args:
        model: of both versions; its policy says what is asked.
        alias: whose gate it is.
        version: the candidate, ready.
        current: the alias as it is; None: there is none. Of one that was deleted the version counts
            that answered last: its callers are used to it, and deleting is no way past the gate.
    """
    policy = policy_of(model)
    own = last_live(model, alias) if current is None else current.version
    present = None if own is None or own.pk == version.pk else own
    checks = (
        _runnable(version),
        _golden(version),
        _signature(version, present),
        _memory(version, None if current is None else present),
        _latency(policy, version),
        _metric(policy, version, present),
        _replay(policy, version, present),
    )
    return GateReport(alias, None if own is None else own.number, checks)


def report_of(*, model_name: str, number: int, alias: str) -> GateReport:
    """What the gate of an alias says of a version now; nothing changes.

    Raises:
        ModelVersionNotReadyError, ModelVersionRetiredError: there is nothing to judge.
        InvalidNameError: no alias has such a name.
    """
    check_alias(alias)
    version = version_by_number(model_name, number)
    check_ready(version)
    current = find_alias(model_name, alias)
    return judge(model=version.model, alias=alias, version=version, current=current)


def check_runnable(version: ModelVersion) -> None:
    """Refuse what no web process could answer with, by whatever alias.

    Raises:
        RuntimeUnavailableError: only TensorFlow runs it and the web may not load TensorFlow.
    """
    if not is_runnable(version):
        raise RuntimeUnavailableError(
            f"{version} runs on TensorFlow alone, which the web processes may not load."
        )


def _met(
    code: str, detail: str, *, wanted: float | None = None, found: float | None = None
) -> Check:
    return Check(code, passed=True, wanted=wanted, found=found, detail=detail)


def _unmet(
    code: str, detail: str, *, wanted: float | None = None, found: float | None = None
) -> Check:
    return Check(code, passed=False, wanted=wanted, found=found, detail=detail)


def is_runnable(version: ModelVersion) -> bool:
    """Whether web processes may run it at all."""
    return version.engine == ModelVersion.Engine.LITERT or settings.SERVING_ALLOW_TENSORFLOW


def _runnable(version: ModelVersion) -> Check:
    passed = is_runnable(version)
    detail = f"Web processes {'run' if passed else 'may not run'} {version.engine or 'nothing'}."
    return Check("runnable", passed, None, None, detail)


def _golden(version: ModelVersion) -> Check:
    """Parity is proven by the manifest, which no one can change, not by the report beside it."""
    manifest = Manifest.from_document(version.manifest)
    rows = manifest.golden_rows
    has_file = _file_of(version) in manifest.files
    passed = rows > 0 and has_file and _report_of(version).get("ok") is not False
    detail = (
        f"{version.engine} answers {rows} golden rows as TensorFlow did."
        if passed
        else "No golden rows prove that the engine answers as the trained model does."
    )
    return Check("golden", passed, None, _number(_report_of(version), "largest_difference"), detail)


def _signature(version: ModelVersion, present: ModelVersion | None) -> Check:
    if present is None:
        return _met("signature", "No callers are used to another version.")
    reason = why_not(
        Signature.from_document(version.signature), Signature.from_document(present.signature)
    )
    detail = reason or f"It takes every row that version {present.number} takes."
    return Check("signature", not reason, None, None, detail)


def _memory(version: ModelVersion, present: ModelVersion | None) -> Check:
    """Both are in memory while the alias moves, and the present one for a rollback after that."""
    budget = settings.SERVING_BUDGET_BYTES
    needed = _bytes_of(version) + (0 if present is None else _bytes_of(present))
    beside = "" if present is None else f", version {present.number} beside it"
    detail = f"{needed / MIB:.1f} of {budget / MIB:.1f} MiB in each process{beside}."
    return Check("memory", needed <= budget, float(budget), float(needed), detail)


def _bytes_of(version: ModelVersion) -> int:
    """Measured in a process or at validation; where nobody has, by the file that is loaded."""
    measured = measured_bytes(version)
    entry = Manifest.from_document(version.manifest).files.get(_file_of(version))
    return measured or (version.size_bytes if entry is None else COPIES * entry.bytes)


def _latency(policy: ModelPolicy, version: ModelVersion) -> Check:
    latencies = _report_of(version).get("latency_us")
    found = _number(latencies, "1") if isinstance(latencies, dict) else None
    budget = policy.gate_latency_us
    if budget is None:
        return _met("latency", "The policy sets no budget.", found=found)
    if found is None:
        return _unmet("latency", "Nobody has measured a row at validation.", wanted=budget)
    return Check("latency", found <= budget, budget, found, "Microseconds of one row, median.")


def _metric(policy: ModelPolicy, version: ModelVersion, present: ModelVersion | None) -> Check:
    """A metric that the policy names must be there; what the present version lacks binds nobody."""
    name = policy.gate_metric
    if not name:
        return _met("metric", "The policy names no metric.")
    found = _number(version.metrics, name)
    if found is None:
        return _unmet("metric", f"The version has no metric {name!r}.")
    before = None if present is None else _number(present.metrics, name)
    if before is None:
        return _met("metric", f"There is no {name!r} to compare with.", found=found)
    lower = policy.gate_lower_is_better
    wanted = before + policy.gate_tolerance if lower else before - policy.gate_tolerance
    passed = found <= wanted if lower else found >= wanted
    bound = "most" if lower else "least"
    detail = f"{name} must be at {bound} {wanted:g}; the present version has {before:g}."
    return Check("metric", passed, wanted, found, detail)


def _replay(policy: ModelPolicy, version: ModelVersion, present: ModelVersion | None) -> Check:
    """By the upper end of the 95 % interval: few rows prove little, and one row nothing."""
    replay = None if present is None else _late_replay(version, present)
    share = None if replay is None else share_of(replay)
    found = None if share is None else share.high
    most = policy.gate_max_flips
    if most is None:
        return _met("replay", "The policy asks for no replay.", found=found)
    if present is None:
        return _met("replay", "There is no version to replay against.", wanted=most)
    if replay is None or share is None:
        detail = f"No replay against version {present.number} within {REPLAY_AGE_MAX.days} days."
        return _unmet("replay", detail, wanted=most)
    if not _is_decided_alike(policy, replay):
        detail = "The newest replay decided by another threshold or output than the policy does."
        return _unmet("replay", detail, wanted=most, found=found)
    passed = share.high <= most or (share.share == 0 and replay.rows >= REPLAY_ROWS_ENOUGH)
    detail = f"{share.share:.2%} of {replay.rows} rows change; surely at most {share.high:.2%} do."
    return Check("replay", passed, most, found, detail)


def _late_replay(version: ModelVersion, present: ModelVersion) -> Replay | None:
    return newest_replay(candidate=version, baseline=present, within=REPLAY_AGE_MAX)


def _is_decided_alike(policy: ModelPolicy, replay: Replay) -> bool:
    return bool(replay.result.get("scoring") == asdict(scoring_of(policy)))


def scoring_of(policy: ModelPolicy) -> Scoring:
    """Which number of an answer decides, and from where on."""
    return Scoring(policy.score_output, policy.score_index, policy.decision_threshold)


def _file_of(version: ModelVersion) -> FileRole:
    return FILE_OF[ModelVersion.Engine(version.engine)]


def _report_of(version: ModelVersion) -> Mapping[str, Any]:
    """What validation found of the engine that will serve it."""
    report: Mapping[str, Any] = version.validation_report.get("engines", {}).get(version.engine, {})
    return report


def _number(document: Mapping[str, Any], name: str) -> float | None:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
