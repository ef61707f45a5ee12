"""The caller of schemathesis's requests, and how strictly it reads the document.

Sooner or later a run revokes its own token, or suspends or erases its own member. Then root restores the member and
creates another token, so that later requests are authenticated.
"""

import os

import requests
import schemathesis

URL = os.environ["COUNTERFOIL_URL"]
MEMBER = os.environ.get("COUNTERFOIL_MEMBER")
ROOT = {
    "Authorization": f"Bearer {os.environ['COUNTERFOIL_ROOT']}",
    "X-Counterfoil-Workspace": os.environ["COUNTERFOIL_WORKSPACE"],
}
GRANTS = os.environ.get("COUNTERFOIL_GRANTS", "").split()

ROLE = "admin" if GRANTS == ["*"] else "member"


def root(method, path, body):
    return requests.request(method, URL + path, headers=ROOT, json=body, timeout=30)


def done(answer):
    answer.raise_for_status()
    return answer.json()


if MEMBER:

    @schemathesis.auth(refresh_interval=None)
    class Token:
        """The member's token; another is created once a request gets a 401."""

        def get(self, case, context):
            rights = {"role": ROLE, "grants": GRANTS, "quota": 1_000_000}
            restored = root("PATCH", f"/v1/members/{MEMBER}", {**rights, "state": "active"})
            if restored.status_code == 404:
                restored = root("POST", "/v1/members", {**rights, "id": MEMBER, "name": "back again"})
            done(restored)
            token = {"name": "schemathesis", "owner": MEMBER, "scopes": GRANTS}
            return done(root("POST", "/v1/tokens", token))["token"]

        def set(self, case, token, context):
            case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def before_load_schema(context, document):
    """Forbids undocumented fields in responses. The document itself allows them, since responses may get new fields."""
    schemas = document["components"]["schemas"]
    for content in contents(document):
        if "allOf" in content["schema"]:
            content["schema"] = together(content["schema"]["allOf"], schemas)
    for schema in [*schemas.values(), *(content["schema"] for content in contents(document))]:
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)


def contents(document):
    """The contents of responses that have a schema."""
    for operation in (operation for methods in document["paths"].values() for operation in methods.values()):
        for answer in operation["responses"].values():
            yield from (content for content in answer.get("content", {}).values() if "schema" in content)


def together(parts, schemas):
    """Merges several schemas: if each part were strict by itself, it would reject the others' properties."""
    parts = [schemas[part["$ref"].rpartition("/")[2]] if "$ref" in part else part for part in parts]
    whole = {name: value for part in parts for name, value in part.items()}
    names = {name for part in parts for name in part["properties"]}
    held = {name: [part["properties"][name] for part in parts if name in part["properties"]] for name in names}
    whole["properties"] = {name: {"allOf": these} for name, these in held.items()}
    return whole
