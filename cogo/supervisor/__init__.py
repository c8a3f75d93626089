"""The processes of `cogo up`: started in order, restarted when they die, stopped in order."""
