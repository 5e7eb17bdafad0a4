"""Faces in pictures. Knows no database, queue, web or settings, and runs in workers only."""

from exam_service.proctor.verifier.reading import Box, Quality, Reading, distance
from exam_service.proctor.verifier.recogniser import MODEL
from exam_service.proctor.verifier.unreadable import UnreadableImage
from exam_service.proctor.verifier.verifier import Glance, Verifier

__all__ = ["MODEL", "Box", "Glance", "Quality", "Reading", "UnreadableImage", "Verifier", "distance"]
