"""The roster with the registrations of the cycle, what is done with its physicians, and transfers."""

from exam_service.registration.admission.usecases.cards import cards

__all__ = ["cards"]
