"""Faces in pictures. Knows no database, queue, web or settings, and runs in workers only."""

from exam_service.proctor.verifier.reading import Box, Quality, Reading, distance
from exam_service.proctor.verifier.unreadable import UnreadableImage
from exam_service.proctor.verifier.verifier import MODEL, Verifier

__all__ = ["MODEL", "Box", "Quality", "Reading", "UnreadableImage", "Verifier", "distance"]
