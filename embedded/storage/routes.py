"""Routes of the Storage API."""

from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from embedded.keys import Keys
from embedded.postgres.database import Database
from embedded.storage.buckets import Buckets
from embedded.storage.contents import ContentFolder
from embedded.storage.endpoint import StorageEndpoint, StorageHandler
from embedded.storage.objects import Objects
from embedded.storage.signatures import UrlSigner
from embedded.storage.uploads import Uploads

_OBJECT: Final = "{bucket}/{key:path}"
_UNSUPPORTED: Final = (
    "/object/copy", "/object/move", "/object/upload/{path:path}", "/object/list-v2/{path:path}",
)  # fmt: skip


async def open_contents(directory: Path, database: Database) -> ContentFolder:
    """Return the contents below a state directory, without those that have no object any more."""
    contents = ContentFolder(directory)
    rows = await database.admin.fetch("select version from storage.objects")
    contents.delete_others([row["version"] for row in rows])
    return contents


def storage_routes(database: Database, keys: Keys, contents: ContentFolder) -> list[BaseRoute]:
    """Build the routes below /storage/v1."""
    endpoint = StorageEndpoint(database, keys)
    buckets, uploads = Buckets(contents), Uploads(contents)
    objects = Objects(contents, UrlSigner(keys))

    def route(path: str, method: str, handler: StorageHandler, operation: str) -> Route:
        return Route(path, endpoint.wrap(handler, operation), methods=[method])

    def public(path: str, handler: StorageHandler, operation: str) -> Route:
        return Route(path, endpoint.wrap(handler, operation, is_public=True), methods=["GET"])

    return [
        route("/bucket", "GET", buckets.list_buckets, "bucket.list"),
        route("/bucket", "POST", buckets.create_bucket, "bucket.create"),
        route("/bucket/{bucket}", "GET", buckets.get_bucket, "bucket.get"),
        route("/bucket/{bucket}", "PUT", buckets.update_bucket, "bucket.update"),
        route("/bucket/{bucket}", "DELETE", buckets.delete_bucket, "bucket.delete"),
        route("/bucket/{bucket}/empty", "POST", buckets.empty_bucket, "bucket.empty"),
        public(f"/object/public/{_OBJECT}", objects.get_public, "object.get_public"),
        public(f"/object/sign/{_OBJECT}", objects.get_signed, "object.get_signed"),
        route(f"/object/sign/{_OBJECT}", "POST", objects.sign, "object.sign"),
        route("/object/sign/{bucket}", "POST", objects.sign_many, "object.sign_many"),
        route(f"/object/info/{_OBJECT}", "GET", objects.get_info, "object.info_authenticated"),
        route(
            f"/object/authenticated/{_OBJECT}",
            "GET",
            objects.get_object,
            "object.get_authenticated",
        ),
        route("/object/list/{bucket}", "POST", objects.list_objects, "object.list"),
        route("/object/{bucket}", "DELETE", objects.delete_many, "object.delete_many"),
        # Not for a bucket of these names.
        *(Route(path, _refuse, methods=["POST", "PUT"]) for path in _UNSUPPORTED),
        route(f"/object/{_OBJECT}", "GET", objects.get_object, "object.get_authenticated"),
        route(f"/object/{_OBJECT}", "POST", uploads.create, "object.upload"),
        route(f"/object/{_OBJECT}", "PUT", uploads.update, "object.upload_update"),
        route(f"/object/{_OBJECT}", "DELETE", objects.delete_object, "object.delete"),
    ]


async def _refuse(_request: Request) -> Response:
    raise HTTPException(404)
