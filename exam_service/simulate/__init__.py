"""Physicians over real HTTP and WebSocket: load, and the proof that no acknowledged answer is lost.

A client like any other: it knows the service by what its pages and sockets say, never by its database.
"""
