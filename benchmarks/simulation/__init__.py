"""The real strategy on the real database in virtual time, with vendors that follow a script."""
