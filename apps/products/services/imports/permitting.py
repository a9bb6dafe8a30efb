"""Whether an uploader may still do what their file says: its rows come much later than it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps.developers.selectors.resting import resting_among
from apps.products.services.imports.columns import STOCK_SCOPE
from core.security.scopes import scopes_of_credential, scopes_of_login

if TYPE_CHECKING:
    from apps.products.models import ProductImport
    from apps.products.services.imports.columns import Header

CATALOGUE_SCOPE: Final = "catalog:write"


def may_go_on(row: ProductImport, header: Header) -> bool:
    """By what the account and the application are now; the credential itself need not live on.

    Args:
        row: with its user as they are now.
        header: of its file.
    """
    needed = {CATALOGUE_SCOPE, STOCK_SCOPE} if header.warehouses else {CATALOGUE_SCOPE}
    is_staff = row.user.is_staff
    if row.application_id is None:
        scopes = scopes_of_login(is_staff=is_staff)
    elif resting_among([row.application_id]):
        return False
    else:
        scopes = scopes_of_credential(needed, is_staff=is_staff)
    return row.user.is_active and needed <= scopes
