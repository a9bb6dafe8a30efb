"""How good versions are, and how far what they see has drifted: by day, from the prediction log."""
