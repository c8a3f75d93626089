"""Evidence about models: priors, outcomes, estimates and scores."""
