"""Pages and endpoints of OAuth 2.0, at the root of the site."""
