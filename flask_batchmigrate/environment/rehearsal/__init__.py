"""Runs migrations of which nothing stays: on copies, recorded, or rolled back."""
