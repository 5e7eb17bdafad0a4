"""PostgreSQL and Redis in a process that starts again whatever died, as ``serve`` does.

    python -m tests.faults.servers DATA

Prints ``ready`` once the database is migrated. While ``DATA/PostgreSQL.held`` or ``DATA/Redis.held`` exists,
that server is left dead.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from exam_service.settings import load_settings
from exam_service.storage.embedded import EmbeddedServerError
from exam_service.storage.embedded.server import EmbeddedServer
from exam_service.storage.migrate import migrate
from exam_service.supervisor import servers

_POLL_SECONDS = 0.05


def held(data: Path, name: str) -> Path:
    """While this file exists, the server of that name stays dead."""
    return data / f"{name}.held"


def main(data: Path) -> None:
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    parent = os.getppid()
    with servers(data) as embedded:
        asyncio.run(migrate(load_settings().database_url))
        print("ready", flush=True)
        while not stopping and os.getppid() == parent:
            for server in embedded:
                assert isinstance(server, EmbeddedServer)
                if not server.running and not held(data, server.name).exists():
                    try:
                        server.start()
                    except EmbeddedServerError as error:  # a full disk, say: the next round tries again
                        print(error, file=sys.stderr, flush=True)
            time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
