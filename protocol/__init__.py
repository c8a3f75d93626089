"""What every process must agree on: messages, topics, states, errors and ids."""
