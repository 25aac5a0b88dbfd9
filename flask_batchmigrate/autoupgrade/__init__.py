"""The first request: it is served, waits for the upgrade, or is refused.

Stands in front of the application until nothing is left to upgrade, then goes away.
"""
