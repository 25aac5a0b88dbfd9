"""Tests of the deeds: each change, and what must stay as it was."""
