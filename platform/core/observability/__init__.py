"""Request ids, JSON logs, metrics, health."""
