"""PostgreSQL, Redis and the platform's own processes, for a machine that has none."""
