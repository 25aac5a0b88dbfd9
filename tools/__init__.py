"""Programs of the project: they write pages of the documentation and try the engine."""
