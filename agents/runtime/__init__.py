"""What every agent does: wake, claim, keep leases, attempt, record, drain."""
