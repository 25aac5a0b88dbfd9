"""Tests of the upgrade at the first request, and of its page."""
