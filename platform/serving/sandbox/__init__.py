"""What a process takes away from itself before it touches a stranger's model.

Only the standard library is imported here: the layers must hold before anything heavy runs.
"""

from __future__ import annotations

from serving.sandbox.applying import apply, available
from serving.sandbox.layers import REQUIRED_LAYERS, Layer
from serving.sandbox.policy import SandboxLimits, SandboxPolicy

__all__ = ["REQUIRED_LAYERS", "Layer", "SandboxLimits", "SandboxPolicy", "apply", "available"]
