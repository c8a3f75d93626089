"""Selection: which model does a subtask, and why. Start at `choose.choose_model`."""
