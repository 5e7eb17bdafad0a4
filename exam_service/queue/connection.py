"""One client for a process, with time limits: a Redis that hangs must not hang the examination."""

from __future__ import annotations

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError

Client = redis.asyncio.Redis
AWAY = (RedisError, OSError, TimeoutError)

PATIENCE_SECONDS = 2.0
"""How long a request of a person waits for Redis, its connection and retries included."""


def connect(url: str, *, max_connections: int = 64) -> Client:
    """A client for ``url``; it connects when first used.

    Where all ``max_connections`` are in use it waits for one that comes free, and after a while gives up.
    """
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
        socket_timeout=PATIENCE_SECONDS,  # blocking reads wait for half of this at most
        health_check_interval=15,
        retry=Retry(ExponentialWithJitterBackoff(cap=0.2, base=0.02), 1),
    )
    return redis.asyncio.Redis.from_pool(pool)
