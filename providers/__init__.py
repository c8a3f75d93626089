"""Models of many vendors behind one call."""
