"""What migrations ought to do, worked out without the engine; see README.md."""
