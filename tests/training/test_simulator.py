"""Simulated sessions fit the signature, and their labels follow the stated probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from serving.encoding import encode
from serving.signature import Signature
from training.metrics import expected_calibration_error, roc_auc
from training.purchase_intent import FEATURES, signature_document
from training.simulator import simulate_sessions

ROWS = 20_000


@pytest.fixture(scope="module")
def sessions():
    return simulate_sessions(rows=ROWS, seed=11)


def column(sessions, name):
    return np.array(sessions.columns[name])


class TestSimulateSessions:
    def test_gives_the_same_sessions_for_the_same_seed(self):
        first, again, other = (simulate_sessions(rows=50, seed=seed) for seed in (1, 1, 2))
        assert list(first.instances()) == list(again.instances())
        assert first.labels.tolist() == again.labels.tolist()
        assert list(first.instances()) != list(other.instances())

    def test_gives_rows_that_serving_accepts_as_they_are(self, sessions):
        signature = Signature.from_document(signature_document())
        instances = list(sessions.instances())
        matrix = encode(signature, instances, max_instances=ROWS)["features"]
        assert matrix.shape == (ROWS, 17)
        assert list(instances[0]) == [feature["name"] for feature in FEATURES]

    def test_uses_only_entries_of_the_vocabularies_and_all_of_them(self, sessions):
        for feature in FEATURES:
            if feature["kind"] == "category":
                used = set(sessions.columns[feature["name"]])
                assert used <= set(feature["vocabulary"])
        assert set(sessions.columns["Month"]) == set(FEATURES[10]["vocabulary"])

    def test_draws_the_labels_with_the_stated_probabilities(self, sessions):
        error = expected_calibration_error(sessions.labels, sessions.probabilities)
        assert error < 0.01
        assert sessions.labels.mean() == pytest.approx(sessions.probabilities.mean(), abs=0.008)

    def test_is_about_as_hard_and_as_rare_as_the_public_data(self, sessions):
        assert 0.13 < sessions.labels.mean() < 0.18
        assert 0.84 < roc_auc(sessions.labels, sessions.probabilities) < 0.95

    @pytest.mark.parametrize(
        "name", ["Administrative_Duration", "ProductRelated_Duration", "PageValues"]
    )
    def test_gives_heavy_tails(self, sessions, name):
        values = column(sessions, name)
        assert values.max() > 20 * values.mean()

    def test_spends_no_time_where_no_page_was_seen(self, sessions):
        for name in ("Administrative", "Informational"):
            unseen = column(sessions, name) == 0
            assert unseen.any()
            assert (column(sessions, f"{name}_Duration")[unseen] == 0).all()

    def test_keeps_bounces_below_exits(self, sessions):
        assert (column(sessions, "BounceRates") <= column(sessions, "ExitRates")).all()
        assert column(sessions, "ExitRates").max() <= 0.2

    def test_knows_special_days_in_february_and_may_only(self, sessions):
        months = set(column(sessions, "Month")[column(sessions, "SpecialDay") > 0])
        assert months == {"Feb", "May"}

    def test_makes_page_value_and_november_good_signs_and_exits_a_bad_one(self, sessions):
        bought = sessions.labels == 1
        valued = column(sessions, "PageValues") > 0
        november = column(sessions, "Month") == "Nov"
        exits = column(sessions, "ExitRates")
        assert bought[valued].mean() > 3 * bought[~valued].mean()
        assert bought[november].mean() > bought[~november].mean()
        assert exits[bought].mean() < exits[~bought].mean()
