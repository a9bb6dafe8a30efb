"""Questions: which plans there are, whose an application is, what was called."""
