"""Everything that changes the registry, starts a prediction or moves a batch prediction on."""
