"""The ledger of called operations can fail a run: it knows every route, and what was left out."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import endpoint_ledger
from tests.endpoint_ledger import _is_whole_run, _judge, operations

ROOT = Path(__file__).resolve().parents[2]


def config(*arguments, **options):
    return SimpleNamespace(option=SimpleNamespace(**options), args=list(arguments), rootpath=ROOT)


@pytest.fixture
def session():
    lines = []
    reporter = SimpleNamespace(write_line=lambda line, **_: lines.append(line))
    plugins = SimpleNamespace(get_plugin=lambda _: reporter)
    return SimpleNamespace(exitstatus=0, lines=lines, config=SimpleNamespace(pluginmanager=plugins))


class TestLedger:
    def test_knows_the_operations_of_both_kinds_of_view(self):
        assert operations() >= {
            "POST api/v1/login",
            "PATCH api/v1/me",
            "POST api/v1/predict",
            "GET api/v1/batch-predictions",
            "POST api/v1/batch-predictions/<uuid:pk>/cancel",
            "DELETE api/v1/models/<str:name>/aliases/<str:alias>",
        }

    def test_a_run_that_called_everything_passes(self, session):
        _judge(session, operations())

        assert (session.exitstatus, session.lines) == (0, [])

    def test_a_run_that_left_one_out_fails_and_names_it(self, session):
        _judge(session, operations() - {"POST api/v1/predict"})

        assert session.exitstatus == 1
        assert "POST api/v1/predict" in session.lines[0]

    def test_an_exemption_that_is_not_needed_fails_too(self, session, monkeypatch):
        monkeypatch.setattr(endpoint_ledger, "EXEMPT", {"POST api/v1/predict": "too slow"})

        _judge(session, operations())

        assert session.exitstatus == 1

    @pytest.mark.parametrize(
        ("run", "whole"),
        [
            (config("tests"), True),
            (config(str(ROOT / "tests"), keyword="", markexpr=""), True),
            (config("tests/core"), False),
            (config("tests", keyword="predict"), False),
            (config("tests", markexpr="browser"), False),
            (config("tests", lf=True), False),
        ],
    )
    def test_judges_whole_runs_only(self, run, whole):
        assert _is_whole_run(run) is whole
