"""Migration locks on database servers: one process at a time migrates a database."""
