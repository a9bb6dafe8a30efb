"""Version 1 of the clients' door."""
