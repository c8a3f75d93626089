"""What is known of models: prices, outcomes, estimates and scores."""
