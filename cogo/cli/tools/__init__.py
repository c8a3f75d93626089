"""`cogo tools`: what models and workflows may call."""
