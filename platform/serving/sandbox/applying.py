"""All layers in their order: each may still need what the next one takes away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.sandbox import landlock, privileges, seccomp
from serving.sandbox.layers import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from serving.sandbox.policy import SandboxPolicy


def apply(policy: SandboxPolicy) -> dict[Layer, bool]:
    """Confine this process and its later threads; nothing of it can be undone.

    Call it while there is one thread.

    Returns:
        Which layers hold. The caller compares with policy.required and goes no further when
        one is missing.

    Raises:
        OSError: an rlimit cannot be set, or a rule of Landlock was refused.
    """
    active = {
        Layer.RLIMITS: privileges.limit_resources(policy.limits),
        Layer.CAPABILITIES: privileges.drop_capabilities(),
        Layer.NOT_DUMPABLE: privileges.forbid_dumps(),
        Layer.DIES_WITH_PARENT: privileges.die_with_parent(),
        Layer.NO_NEW_PRIVS: privileges.forbid_new_privileges(),
    }
    confinement = landlock.confine(policy.readable, policy.writable, folders=policy.folders)
    return active | {
        Layer.LANDLOCK: confinement.files,
        Layer.LANDLOCK_NETWORK: confinement.network,
        Layer.LANDLOCK_SCOPE: confinement.scope,
        Layer.SECCOMP: seccomp.filter_calls(),
    }


def available() -> Mapping[Layer, bool]:
    """What this kernel offers, without applying it: for a check before any model comes.

    rlimits and what prctl(2) sets are in every Linux since 3.5.
    """
    abi = landlock.version()
    linux = seccomp.supported()
    return dict.fromkeys(Layer, linux) | {
        Layer.RLIMITS: True,
        Layer.LANDLOCK: abi >= landlock.LEAST_VERSION,
        Layer.LANDLOCK_NETWORK: abi >= landlock.NETWORK_VERSION,
        Layer.LANDLOCK_SCOPE: abi >= landlock.SCOPE_VERSION,
    }
