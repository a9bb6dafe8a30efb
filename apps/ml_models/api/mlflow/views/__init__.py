"""The facade's routes: models, versions, files."""
