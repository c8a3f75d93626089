"""A Supabase-compatible server on loopback that needs no Docker.

Run it with `cogo supabase start` or `python -m embedded --dir DIR`. It implements the parts of
Supabase that COGO and Supabase's official clients use, over a Postgres of its own. It imports
nothing of the other packages, so that only those clients can judge it.

| module     | contents                                                                   |
|------------|----------------------------------------------------------------------------|
| service    | starts everything on a state directory: Postgres, keys, HTTP server, state |
| server     | the ASGI application and the HTTP and websocket server                     |
| state      | lock, address and keys of a state directory; what other programs read      |
| keys       | API keys and tokens, and the identity of a request                         |
| postgres/  | the cluster, its bootstrap SQL, connections and notifications              |
| rest/      | the Data API (PostgREST)                                                   |
| realtime/  | channels, broadcast, presence, database changes (Realtime)                 |
| auth/      | accounts and sessions (GoTrue)                                             |
| storage/   | buckets, objects and their contents (Storage)                              |
| faults/    | faults on request, for tests; only with --faults                           |

The public names are those of `state` and `errors`, which need neither Postgres nor a web server.
"""

from embedded.errors import CannotStart
from embedded.state import State, is_alive, read_state

__all__ = ["CannotStart", "State", "is_alive", "read_state"]
