"""Redis for limits, nudges and the cache: short timeouts and no retries."""

from __future__ import annotations

from config.settings.env import env_seconds, env_str, redis_url

LIMITS_DATABASE = 1  # number of the Redis database of limits and nudges; the broker's is 0

REDIS_LIMITS_URL = redis_url(env_str("REDIS_URL"), LIMITS_DATABASE)
REDIS_KEY_PREFIX = "agora:"
REDIS_TIMEOUT = env_seconds(
    "REDIS_TIMEOUT_SECONDS", 0.2, minimum=0.01
)  # seconds to connect or read
REDIS_BREAKER_SECONDS = 1.0  # seconds Redis is left alone after it failed
