"""Commands about models that run on this machine."""
