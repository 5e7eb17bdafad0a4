"""Departments, the roster, its import and transfers."""

from exam_service.institutions.usecases.departments import (
    add_department,
    amend_department,
    count_departments,
    delete_department,
    department_of,
    departments,
    list_departments,
    reopen_department,
    specialties_of,
    stop_department,
)
from exam_service.institutions.usecases.roster import (
    bring_back,
    count_entries,
    forget_entry,
    leave,
    lock_entry,
    move_entry,
    names_of,
    roster_details,
    roster_entry,
)

__all__ = [
    "add_department",
    "amend_department",
    "bring_back",
    "count_departments",
    "count_entries",
    "delete_department",
    "department_of",
    "departments",
    "forget_entry",
    "leave",
    "list_departments",
    "lock_entry",
    "move_entry",
    "names_of",
    "reopen_department",
    "roster_details",
    "roster_entry",
    "specialties_of",
    "stop_department",
]
