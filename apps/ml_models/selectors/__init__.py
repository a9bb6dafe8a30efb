"""Questions about models, routing and batch predictions; nothing here changes a row."""
