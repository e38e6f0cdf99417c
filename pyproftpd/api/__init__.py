"""Contracts (floor F2): the data classes and protocols by which the floors know each other. Almost no code."""
