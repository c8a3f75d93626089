"""The Data API: the subset of PostgREST that Supabase's clients use, over asyncpg.

`app` has the handlers, `endpoint` authenticates requests and turns errors into responses.
`request/` parses headers, query strings and bodies; `schema/` reads the catalogue, from which
every identifier comes; `statements/` builds one SQL statement per request; `transaction` runs it
in the role of the caller, and `responses` builds the HTTP response.
"""
