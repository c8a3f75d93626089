"""`cogo memory`: what is remembered, and how it is found."""
