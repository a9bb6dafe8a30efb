"""The purchase-intent model's contract: 17 features of a shopping session, one probability.

The columns are those of "Online Shoppers Purchasing Intention" (Sakar and Kastro 2018, UCI,
doi 10.24432/C5F88Q), spelled as in that file. OperatingSystems, Browser, Region and TrafficType
are codes without order, so they are categories whose entries are text; a caller may send "2" or 2,
as the file has it, and never 2.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MODEL_NAME = "purchase_intent"
LABEL = "Revenue"
INPUT_NAME = "features"
OUTPUT_NAME = "purchase_probability"
CLASS_LABELS = ("no_purchase", "purchase")

MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "June", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
VISITOR_TYPES = ("New_Visitor", "Returning_Visitor", "Other")

# A few sessions have a hundred times the usual: the network sees ln(1 + x) of these.
HEAVY_TAILED = frozenset(
    {
        "Administrative",
        "Administrative_Duration",
        "Informational",
        "Informational_Duration",
        "ProductRelated",
        "ProductRelated_Duration",
        "PageValues",
    }
)


def _count(name: str) -> dict[str, Any]:
    return {"name": name, "kind": "integer", "unit": "pages", "minimum": 0}


def _number(name: str, unit: str, maximum: float | None = None) -> dict[str, Any]:
    bounds = {"minimum": 0.0} if maximum is None else {"minimum": 0.0, "maximum": maximum}
    return {"name": name, "kind": "number", "unit": unit, **bounds}


def _category(name: str, entries: Iterable[str]) -> dict[str, Any]:
    return {"name": name, "kind": "category", "vocabulary": list(entries), "unknown": "other"}


def _codes(name: str, last: int) -> dict[str, Any]:
    return _category(name, (str(code) for code in range(1, last + 1)))


# No maximum but what the definition gives: real sessions pass any other one day.
FEATURES: tuple[dict[str, Any], ...] = (
    _count("Administrative"),
    _number("Administrative_Duration", "seconds"),
    _count("Informational"),
    _number("Informational_Duration", "seconds"),
    _count("ProductRelated"),
    _number("ProductRelated_Duration", "seconds"),
    _number("BounceRates", "share", maximum=1.0),
    _number("ExitRates", "share", maximum=1.0),
    _number("PageValues", "currency units"),
    _number("SpecialDay", "closeness", maximum=1.0),
    _category("Month", MONTHS),
    _codes("OperatingSystems", 8),
    _codes("Browser", 13),
    _codes("Region", 9),
    _codes("TrafficType", 20),
    _category("VisitorType", VISITOR_TYPES),
    {"name": "Weekend", "kind": "boolean"},
)

FEATURE_HELP = {
    "Administrative": "Pages about the account and its administration seen in the session, e.g. 3.",
    "Administrative_Duration": "Time on those pages, e.g. 36.5.",
    "Informational": "Pages about the shop (delivery, address, contact) seen, e.g. 0.",
    "Informational_Duration": "Time on those pages, e.g. 0.0.",
    "ProductRelated": "Pages about products seen, e.g. 11.",
    "ProductRelated_Duration": "Time on those pages, e.g. 496.25.",
    "BounceRates": "Mean bounce rate of the pages seen, 0 to 1, e.g. 0.02.",
    "ExitRates": "Mean exit rate of the pages seen, 0 to 1, e.g. 0.04.",
    "PageValues": "Mean value of the pages seen, by the purchases that passed them, e.g. 12.5.",
    "SpecialDay": "Closeness to a day of gifts: 0 is far, 1 the best time to order.",
    "Month": 'Month of the session, e.g. "Feb"; June alone is written out.',
    "OperatingSystems": 'Code of the operating system, "1" to "8".',
    "Browser": 'Code of the browser, "1" to "13".',
    "Region": 'Code of the region the session came from, "1" to "9".',
    "TrafficType": 'Code of how the visitor came (advertisement, search, direct), "1" to "20".',
    "VisitorType": "Whether the visitor has been here before.",
    "Weekend": "Whether it was a Saturday or Sunday: true or false, TRUE or FALSE in a CSV.",
}


def signature_document() -> dict[str, Any]:
    """The signature as JSON: what callers may send, in the order of the model's columns."""
    return {
        "schema_version": 1,
        "features": [dict(feature) for feature in FEATURES],
        "inputs": [
            {
                "name": INPUT_NAME,
                "dtype": "float32",
                "shape": [len(FEATURES)],
                "features": [feature["name"] for feature in FEATURES],
            }
        ],
        "outputs": [{"name": OUTPUT_NAME, "shape": [1], "class_labels": list(CLASS_LABELS)}],
    }
