"""Pages for people: logging in, and the links that mails lead to."""
