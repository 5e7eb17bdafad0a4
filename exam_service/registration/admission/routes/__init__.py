"""The roster: its list, its physicians one by one, what is done with them, and transfers."""

from exam_service.registration.admission.routes import acts, roster, transfers

ROUTES = [*roster.ROUTES, *acts.ROUTES, *transfers.ROUTES]
