import time

import pytest
from django.contrib.auth import hashers


@pytest.fixture
def hashed(monkeypatch):
    """Which passwords were hashed, in order: what takes time, and must not tell people apart."""
    seen = []
    encode = hashers.MD5PasswordHasher.encode

    def noting(self, password, salt):
        seen.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", noting)
    return seen


@pytest.fixture
def slow_hashes(monkeypatch):
    """Hashes take as long as in production, so that many are under way at once."""
    encode = hashers.MD5PasswordHasher.encode

    def slowly(self, password, salt):
        time.sleep(0.5)
        return encode(self, password, salt)

    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", slowly)
