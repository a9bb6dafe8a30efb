"""The whole schema, called by everybody: no 5xx, and no answer that the schema does not foresee.

FUZZ_EXAMPLES is how many random cases of each operation and mode everybody sends (make fuzz).
"""

import os

import pytest

from tests.contracts.routes import OPERATIONS
from tests.fuzz.fuzzing import Caller

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
# Of those who are not let in, each calls this part of the operations, with this part of the cases.
SOME, SHARE = (1, 1) if EXAMPLES else (4, 12)

ACTORS = {
    "anonymous": lambda cast: cast.nobody(),
    "owner": lambda cast: cast.login("owner", cast.owner),
    "staff": lambda cast: cast.login("staff", cast.bob),
    "superuser": lambda cast: cast.login("superuser", cast.root),
    "another user": lambda cast: cast.login("another user", cast.mallory),
    "key": lambda cast: cast.key("key", cast.maker),
    "read-only key": lambda cast: cast.key("read-only key", cast.maker, read_only=True),
    "key of staff": lambda cast: cast.key("key of staff", cast.helper),
    "client credentials": lambda cast: cast._service(),
    "third party": lambda cast: cast._third_party(),
    "expired token": lambda cast: cast._expired_login(),
    "revoked key": lambda cast: cast._revoked_key(),
    "suspended application": lambda cast: cast._suspended(),
}


@pytest.mark.timeout(0 if EXAMPLES else 300)
@pytest.mark.parametrize("name", ACTORS)
def test_no_answer_is_a_failure_or_outside_the_schema(name, cast, patient_database):
    caller, place = Caller(cast, ACTORS[name](cast)), [*ACTORS].index(name)

    for number, operation in enumerate(OPERATIONS):
        if (number + place) % SOME and not caller.is_let_in(operation):
            continue
        caller.try_operation(operation, share=SHARE, examples=EXAMPLES, offset=number)

    assert caller.findings.calls > len(OPERATIONS)
    assert caller.findings.never_done(caller.let_in) == []
    assert not caller.findings.found, str(caller.findings)
