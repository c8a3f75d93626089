"""What calls to models have used and cost, and how long the queue was."""
