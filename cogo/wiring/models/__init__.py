"""Models as operators name them."""
