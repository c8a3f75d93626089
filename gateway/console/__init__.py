"""The console: a web page and its modules, which use the API like any client."""
