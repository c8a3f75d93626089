"""`cogo usage`: tokens and costs."""
