"""What can go wrong with imports as a whole; what is wrong with a row stands in its report."""

from __future__ import annotations

from core.errors import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    QuotaExceededError,
    TooLargeError,
)


class ImportNotFoundError(NotFoundError):
    """No import of that id; reports are kept for 90 days."""

    code = "product_import_not_found"
    title = "There is no such import."


class FileNotAcceptedError(InvalidError):
    """It is no CSV file in UTF-8, or its header names a column that there is not."""

    code = "import_file_not_accepted"
    title = "This is not a file that can be imported."
    remedy = "Send UTF-8 with commas and a header; /product-export shows the columns."


class ImportTooLargeError(TooLargeError):
    """More bytes or more rows than one import may have: cut the file in two."""

    code = "import_too_large"
    title = "The file has more rows or bytes than one import takes."


class StockColumnsError(ForbiddenError):
    """Whoever reads or counts stock needs the scope inventory:write beside catalog:write."""

    code = "stock_columns_forbidden"
    title = "This credential may not have stock columns."
    remedy = "Leave the stock columns out, or call with the scope inventory:write."


class TooManyImportsError(QuotaExceededError):
    """As many imports are being worked off as may be at once."""

    code = "too_many_imports"
    title = "Too many imports are open."


class LeaseLostError(Exception):
    """Another worker has the import by now; what was not committed is the other's to do."""
