"""`cogo usage`: tokens and costs, and their comparison with vendors' bills."""
