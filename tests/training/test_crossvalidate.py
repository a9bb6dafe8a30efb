"""The command says yes or no by its exit code."""

from __future__ import annotations

import re

import pytest

from training.crossvalidate import judge, main
from training.metrics import Metrics
from training.pipeline import CrossValidation

pytestmark = [
    pytest.mark.tensorflow,
    # Keras 3.15 calls np.array on TensorFlow's tensors, whose __array__ is of numpy 1.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def figures(auc, calibration_error):
    network = Metrics(auc, 0.7, 0.2, 0.07, calibration_error, 5.0)
    return {"network": network, "prior": Metrics(0.5, 0.15, 0.4, 0.13, 0.0, 1.0)}


@pytest.mark.parametrize(
    ("aucs", "errors", "is_kept"),
    [
        ((0.91, 0.93), (0.02, 0.03), True),
        ((0.91, 0.92), (0.02, 0.03), False),
        ((0.93, 0.93), (0.03, 0.03), False),
    ],
)
def test_holds_the_means_of_the_folds_against_both_bounds(aucs, errors, is_kept):
    folds = CrossValidation(tuple(figures(*fold) for fold in zip(aucs, errors, strict=True)))

    answer, text = judge(folds)

    assert answer is is_kept
    assert text.count("Fold ") == 2
    assert text.endswith(": kept" if is_kept else ": NOT kept")


def test_prints_its_judgement_and_answers_it_by_the_exit_code(capsys, many_sessions):
    code = main([str(many_sessions), "--folds", "2", "--max-epochs", "30"])
    out, error = capsys.readouterr()
    assert error.count("Training ...") == 2
    assert out.count("Fold ") == 2
    assert float(re.search(r"Mean AUC (\S+)", out)[1]) > 0.7
    assert out.strip().endswith({0: ": kept", 1: ": NOT kept"}[code])


def test_says_in_one_line_why_a_file_is_unusable(capsys, tmp_path):
    assert main([str(tmp_path / "missing.csv")]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert "No such file" in error


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--folds", "1"], "At least 2 folds and 1 epoch are needed, not 1 and 100."),
        (["--max-epochs", "0"], "At least 2 folds and 1 epoch are needed, not 5 and 0."),
        (["--seed", "-1"], "A seed lies between 0 and 4294967295, not -1."),
    ],
)
def test_refuses_options_out_of_range(capsys, tmp_path, options, reason):
    assert main([str(tmp_path / "sessions.csv"), *options]) == 2
    assert capsys.readouterr().err == f"{reason}\n"
