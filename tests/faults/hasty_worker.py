"""A worker as deployed, but one that takes over what a dead one left after 3 seconds and not after 10."""

from exam_service import processes
from exam_service.__main__ import main
from exam_service.proctor import FRAME_STREAM
from exam_service.queue.connection import Client
from exam_service.queue.stream import WorkStream
from exam_service.settings import Settings


def _hasty_queue(settings: Settings, client: Client) -> WorkStream:
    return WorkStream(client, FRAME_STREAM, limit=settings.queue_limit, claim_after_seconds=3)


if __name__ == "__main__":
    processes.frame_queue = _hasty_queue
    main(["worker"])
