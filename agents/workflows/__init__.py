"""How a type of task becomes a plan."""
