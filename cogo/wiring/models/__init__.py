"""Models as operators name them, and the stop of all calls."""
