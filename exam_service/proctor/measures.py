"""What is counted of the proctor, by name; docs/operations.md says what to watch. Pure."""

from __future__ import annotations

from exam_service.exposition import Kind, Metric

UP = "exam_queue_up"
WAITING = "exam_frames_waiting"
OLDEST = "exam_frames_oldest_seconds"
PARKED = "exam_frames_parked"
WORKERS = "exam_workers_alive"
TAKEN = "exam_frames_taken_total"
DROPPED = "exam_frames_dropped_total"
VERIFIED = "exam_frames_verified_total"
CLOSED = "exam_streams_closed_total"
VERDICT_SECONDS = "exam_verdict_seconds"
VERDICT_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

METRICS = (
    Metric(UP, Kind.GAUGE, "1 while Redis answers, 0 while frames can't be handed to workers"),
    Metric(WAITING, Kind.GAUGE, "Frames without a verdict yet"),
    Metric(OLDEST, Kind.GAUGE, "How long the oldest of them has waited, in seconds"),
    Metric(PARKED, Kind.GAUGE, "Frames that failed three times, for a person to look at"),
    Metric(WORKERS, Kind.GAUGE, "Workers heard of in the last 15 seconds"),
    Metric(TAKEN, Kind.COUNTER, "Frames taken from browsers"),
    Metric(DROPPED, Kind.COUNTER, "Frames not taken, by the reason the browser was told"),
    Metric(VERIFIED, Kind.COUNTER, "Frames with a verdict, by verdict"),
    Metric(CLOSED, Kind.COUNTER, "Streams the service ended, by reason"),
    Metric(VERDICT_SECONDS, Kind.HISTOGRAM, "From the arrival of a frame to its verdict, in seconds"),
)
