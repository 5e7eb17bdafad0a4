"""The institution's desk: departments, the roster's people one by one, files of them."""

from exam_service.institutions.routes import departments, imports, roster

ROUTES = [*departments.ROUTES, *imports.ROUTES, *roster.ROUTES]
