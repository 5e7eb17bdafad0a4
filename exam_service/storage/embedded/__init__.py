"""A real PostgreSQL and a real Redis from the wheels, as children of this process.

For ``exam-service serve`` and ``demo`` on one machine, and for the tests. Production brings its own servers
in ``EXAM_DATABASE_URL`` and ``EXAM_REDIS_URL`` and imports nothing of this.
"""

from exam_service.storage.embedded.error import EmbeddedServerError
from exam_service.storage.embedded.postgres import EmbeddedPostgres
from exam_service.storage.embedded.redis import EmbeddedRedis

__all__ = ["EmbeddedPostgres", "EmbeddedRedis", "EmbeddedServerError"]
