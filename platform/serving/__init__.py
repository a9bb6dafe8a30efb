"""The inference runtime: servables, loaders, versions, handles; no web framework, no database."""
