"""One migrator at a time: locks that a server keeps for as long as a session lives."""
