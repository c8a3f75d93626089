"""How other programs reach COGO over HTTP."""
