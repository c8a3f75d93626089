"""Model servers of the operator: which ones run here, and what their models can do."""
