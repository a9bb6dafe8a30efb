"""Commerce: how long stock is held, what may be bought at once, who calculates, who takes money."""

from __future__ import annotations

from typing import Any

from config.settings.env import env_bool, env_int, env_str

CART_RESERVATION_SECONDS = env_int("CART_RESERVATION_SECONDS", 600, minimum=60, maximum=86_400)
ORDER_RESERVATION_SECONDS = env_int("ORDER_RESERVATION_SECONDS", 900, minimum=60, maximum=604_800)
# An order whose payment is under way does not expire until then, from the moment it should have.
ORDER_PAYMENT_GRACE_SECONDS = env_int(
    "ORDER_PAYMENT_GRACE_SECONDS", 3_600, minimum=0, maximum=86_400
)
CART_KEEP_DAYS = env_int("CART_KEEP_DAYS", 30, minimum=1, maximum=365)

ORDER_LINES_MAX = 100  # lines of one order or cart
LINE_QUANTITY_MAX = 10_000  # pieces of one line
CATEGORIES_MAX = 1_000  # of the whole tree, which is answered in one piece

# Replaceable functions, by dotted path; what they say is stored on the order.
TAX_CALCULATOR = "apps.orders.services.calculating.tax.flat_rate_tax"
SHIPPING_CALCULATOR = "apps.orders.services.calculating.shipping.weighed_shipping"

# Of flat_rate_tax: rates as shares of the price, by country (ISO 3166-1, "*": all others) and tax
# class; a class that is not named has the rate of "standard". "shipping" is the parcel's own class.
# e.g. {"DE": {"standard": "0.19", "reduced": "0.07"}, "*": {"standard": "0"}}
TAX_RATES: dict[str, dict[str, str]] = {"*": {"standard": "0"}}

# Of weighed_shipping: prices by country ("*": all others) and currency. A band holds up to a weight
# in grams, None: any; above the last nothing is sent. Nothing is charged for goods of free_from or
# more. Empty: sending costs nothing at all. For example, up to 2 and up to 31.5 kg:
# as {"*": {"EUR": {"bands": [(2_000, "4.90"), (31_500, "16.90")], "free_from": "100.00"}}}
SHIPPING_RATES: dict[str, dict[str, dict[str, Any]]] = {}

# Payment providers by the name in addresses, by dotted path of their class. The sandbox takes no
# real money, so that in production it is there only when somebody says so.
PAYMENT_SANDBOX = env_bool("PAYMENT_SANDBOX", default=True)
PAYMENT_PROVIDERS = (
    {"sandbox": "apps.orders.services.providers.sandbox.SandboxProvider"} if PAYMENT_SANDBOX else {}
)
PAYMENT_PROVIDER = env_str("PAYMENT_PROVIDER", "sandbox")  # of a payment that names none
PAYMENT_CALL_SECONDS = env_int("PAYMENT_CALL_SECONDS", 10, minimum=1, maximum=30)
