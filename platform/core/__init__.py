"""Cross-cutting code that knows no app."""
