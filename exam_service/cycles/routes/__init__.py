"""The authority's desk, applications to be a body, and the sites of bodies."""

from __future__ import annotations

from exam_service.cycles.routes import activations, applications, offices, opening, sites

ROUTES = [*opening.ROUTES, *offices.ROUTES, *applications.ROUTES, *sites.ROUTES, *activations.ROUTES]
