"""Selection of the model for a subtask, with a reason. Start at `choose.choose_model`."""
