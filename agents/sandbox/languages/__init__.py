"""Languages: a check as a job for the sandbox, and the job's outcome as a report. No I/O."""
