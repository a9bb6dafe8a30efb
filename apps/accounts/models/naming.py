"""What a username may look like, and the one way names and addresses are made comparable."""

from __future__ import annotations

import re
import unicodedata

USERNAME_MIN = 3  # characters
USERNAME_MAX = 64  # characters
EMAIL_MAX = 254  # characters (RFC 5321 section 4.5.3.1.3, less the angle brackets)

# ASCII alone: after NFKC nothing is left that merely looks like another name. People of every
# script have `display_name`, which is not an identifier.
USERNAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{2,63}\Z"
USERNAME_KEY_PATTERN = r"^[a-z0-9][a-z0-9._-]{2,63}$"
USERNAME_RULE = (
    "3 to 64 of the letters a-z and A-Z, digits, `.`, `_` and `-`; the first is a letter or a "
    "digit. Case does not distinguish."
)


def normalise(text: str) -> str:
    """The form in which two spellings of one name are equal: NFKC, case folded, trimmed.

    Folding can undo the normal form and the form can bring up case, so it is taken before and after
    (Unicode 15 section 3.13, D146).
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


def tidy(text: str) -> str:
    """As written, without the spaces around it and in NFKC: what is stored and shown."""
    return unicodedata.normalize("NFKC", text).strip()


def is_username(text: str) -> bool:
    """Whether this, as it would be stored, follows USERNAME_RULE."""
    return re.fullmatch(USERNAME_PATTERN, text) is not None


def email_key(address: str) -> str:
    """The comparable form of an address; its domain is in punycode, so both spellings are one.

    Raises:
        ValueError: the domain is not one (an empty or too long label), or the whole is too long.
    """
    local, separator, domain = normalise(address).rpartition("@")
    if not separator:
        return ""
    key = f"{local}@{domain.encode('idna').decode('ascii')}"
    if len(key) > EMAIL_MAX:
        raise ValueError("In punycode the address is longer than addresses may be.")
    return key
