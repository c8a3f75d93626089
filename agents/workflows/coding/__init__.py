"""What the workflows of code share: the job, candidates and their reports, and results."""
