"""The first request: it is served, waits for the upgrade, or is refused.

The gate wraps the application until nothing is left to upgrade, then removes itself.
"""
