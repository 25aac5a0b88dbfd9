"""Generated migrations."""
