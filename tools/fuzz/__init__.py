"""Try the engine on random examples for as long as one likes."""
