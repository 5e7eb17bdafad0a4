"""Faces in pictures. Knows no database, queue, web or settings, and runs in workers only."""

from exam_service.proctor.verifier.handed_in import PhotoReader, PhotoReading, Redrawn
from exam_service.proctor.verifier.own_recogniser import BadRecogniser
from exam_service.proctor.verifier.quality import AWAY_YAW, TURNED_YAW
from exam_service.proctor.verifier.reading import Box, Quality, Reading, distance
from exam_service.proctor.verifier.recogniser import MODEL
from exam_service.proctor.verifier.unreadable import UnreadableImage
from exam_service.proctor.verifier.verifier import Glance, Verifier

__all__ = [
    "AWAY_YAW",
    "MODEL",
    "TURNED_YAW",
    "BadRecogniser",
    "Box",
    "Glance",
    "PhotoReader",
    "PhotoReading",
    "Quality",
    "Reading",
    "Redrawn",
    "UnreadableImage",
    "Verifier",
    "distance",
]
