"""Money in bodies: one spelling of one amount, in a currency that has so many digits."""

import pytest

URL = "/api/v1/prices"


def send(client, amount, currency="EUR", **more):
    body = {"price": {"amount": amount, "currency": currency, **more}}
    return client.post(URL, body, content_type="application/json")


class TestMoneyInput:
    @pytest.mark.parametrize(
        ("amount", "currency", "said"),
        [
            ("19.99", "EUR", "19.99"),
            ("5", "EUR", "5.00"),
            ("0", "EUR", "0.00"),
            ("1.5", "EUR", "1.50"),
            ("1500", "JPY", "1500"),
            ("1.234", "BHD", "1.234"),
            ("19.990", "EUR", "19.99"),
            ("9999999999999", "EUR", "9999999999999.00"),
        ],
    )
    def test_is_understood(self, anyone, amount, currency, said):
        answer = send(anyone, amount, currency)

        assert answer.json()["price"] == {"amount": said, "currency": currency}

    @pytest.mark.parametrize(
        "amount",
        [
            "NaN",
            "Infinity",
            "-0",
            "-1",
            "+1",
            "1e2",
            "1e1000000",
            "01",
            "1_000",
            ".5",
            "5.",
            "1,50",
            "\u0661",
            "12345678901234",
        ],
    )
    def test_other_spellings_are_refused(self, anyone, amount, assert_problem):
        response = send(anyone, amount)

        assert_problem(response, 400, "validation_failed", at=("#/price/amount", "invalid_amount"))

    @pytest.mark.parametrize("amount", [19.99, 5, True, None, ["5"]])
    def test_other_types_are_refused(self, anyone, amount):
        answer = send(anyone, amount)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == "#/price/amount"

    @pytest.mark.parametrize(
        ("amount", "currency"), [("1.001", "EUR"), ("1.5", "JPY"), ("0.001", "USD")]
    )
    def test_has_no_more_digits_than_its_currency(self, anyone, amount, currency, assert_problem):
        response = send(anyone, amount, currency)

        assert_problem(response, 400, "validation_failed", at=("#/price/amount", "too_many_digits"))

    @pytest.mark.parametrize("currency", ["EUX", "eur", "XXX"])
    def test_is_in_a_currency_there_is(self, anyone, currency, assert_problem):
        response = send(anyone, "1", currency)

        assert_problem(
            response, 400, "validation_failed", at=("#/price/currency", "unknown_currency")
        )

    def test_has_no_other_member(self, anyone, assert_problem):
        response = send(anyone, "1", exact=True)

        assert_problem(response, 400, "validation_failed", at=("#/price/exact", "unknown_field"))
