"""Objects through supabase-js."""

from pathlib import Path

from tests.support.node import run_node
from tests.support.servers.contract_target import Target

PATH = "2026/a cat, (1)+2.png"


async def test_an_object_lives_through_the_javascript_client(
    contract_target: Target, javascript_folder: Path, bucket: str
) -> None:
    told = run_node(
        "storage.mjs",
        {
            "SUPABASE_URL": contract_target.url,
            "SUPABASE_SECRET_KEY": contract_target.secret_key,
            "BUCKET": bucket,
        },
    )

    assert told == {
        "made": {"failure": None, "path": PATH, "fullPath": f"{bucket}/{PATH}"},
        "again": _api_error("409", "The resource already exists"),
        "large": _api_error("413", "The object exceeded the maximum allowed size"),
        "upserted": None,
        "loaded": {"failure": None, "text": "dog", "type": "image/png"},
        "missing": told["missing"],
        "exists": [True, False],
        "info": {"failure": None, "size": 3, "contentType": "image/png"},
        "listed": {"failure": None, "names": ["a cat, (1)+2.png"]},
        "signed": {"failure": None, "text": "dog"},
        "removed": {"failure": None, "names": [PATH]},
    }
    assert told["missing"]


def _api_error(status: str, message: str) -> dict[str, object]:
    return {"name": "StorageApiError", "status": 400, "statusCode": status, "message": message}
