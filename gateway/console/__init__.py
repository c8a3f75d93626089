"""The console: one page and its modules, which use the gateway as any client does."""
