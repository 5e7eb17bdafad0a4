"""Envelopes and keyed hashes. Pure: bytes in, bytes out."""
