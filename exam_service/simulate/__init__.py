"""Physicians over real HTTP and WebSocket: load, and the proof that no acknowledged answer is lost.

A client like any other: it knows the service by what its pages and sockets say, never by its database.
"""


class CannotSimulate(Exception):
    """The run can't begin; the message says what to mend, and quotes no identity number."""
