"""The executor: claims subtasks, calls models and writes results back."""
