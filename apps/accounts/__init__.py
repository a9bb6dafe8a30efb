"""People: who they are, how they prove it, and how long the proof holds."""
