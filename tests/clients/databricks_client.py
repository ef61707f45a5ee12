"""The token API of Databricks' own client, against the deployment that the environment names.

Prints each token that it is given, so that the calling test can search logs for them.
"""

import logging
import os
import time
import unittest

from databricks.sdk import WorkspaceClient
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.config import Config
from databricks.sdk.errors import (
    BadRequest,
    DatabricksError,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceDoesNotExist,
    Unauthenticated,
)
from databricks.sdk.service.settings import PublicTokenInfo, TokenInfo

# The client first requests `/.well-known/databricks-config`, and warns that it does not exist.
logging.getLogger("databricks.sdk").setLevel(logging.ERROR)

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
UNKNOWN = "0" * 64


def client(token):
    host = os.environ["COUNTERFOIL_URL"]
    # By default the client retries a failing host for 5 minutes.
    config = Config(host=host, token=token, auth_type="pat", http_timeout_seconds=20, retry_timeout_seconds=20)
    return WorkspaceClient(config=config)


def of(who):
    return client(os.environ[f"COUNTERFOIL_{who}"])


def shown(created):
    print(created.token_value, flush=True)
    return created.token_info


class Tokens(unittest.TestCase):
    def setUp(self):
        self.ada = of("ADA")

    def ids(self, client):
        return [info.token_id for info in client.tokens.list()]

    def test_create_with_a_lifetime(self):
        before = time.time() * 1000
        info = shown(self.ada.tokens.create(comment="ci", lifetime_seconds=3600, scopes=["sql"]))
        self.assertEqual((info.comment, info.scopes), ("ci", ["sql"]))
        self.assertEqual(info.expiry_time - info.creation_time, 3_600_000)
        self.assertLess(abs(info.creation_time - before), 60_000)
        self.assertRegex(info.token_id, "^[0-9a-f]{64}$")

    def test_create_with_defaults(self):
        created = self.ada.tokens.create()
        info = shown(created)
        self.assertEqual((info.comment, info.expiry_time), ("", -1))
        self.assertEqual(info.scopes, ["sql", "tokens:grant", "tokens:read", "tokens:write"])
        # It has the same scopes as the token that created it.
        self.assertIn(info.token_id, self.ids(client(created.token_value)))

    def test_list_shows_own_tokens_only(self):
        first, second = shown(self.ada.tokens.create(comment="1")), shown(self.ada.tokens.create(comment="2"))
        listed = list(self.ada.tokens.list())
        newest = [(info.token_id, info.comment) for info in listed[:2]]
        self.assertEqual(newest, [(second.token_id, "2"), (first.token_id, "1")])
        self.assertEqual(len(self.ids(of("BOB"))), 1)
        self.assertNotIn(first.token_id, self.ids(of("BOB")))

    def test_a_deleted_token_is_not_found(self):
        created = self.ada.tokens.create()
        token_id = shown(created).token_id
        other = client(created.token_value)
        self.assertIn(token_id, self.ids(other))
        self.ada.tokens.delete(token_id)
        self.assertNotIn(token_id, self.ids(self.ada))
        with self.assertRaises(ResourceDoesNotExist) as refused:
            self.ada.tokens.delete(token_id)
        self.assertEqual(refused.exception.error_code, "RESOURCE_DOES_NOT_EXIST")
        self.assertEqual(str(refused.exception), f"No valid token with ID {token_id} found.")
        # A client that authenticated with it a moment ago is rejected.
        with self.assertRaises(Unauthenticated):
            other.tokens.list()

    def test_update(self):
        token_id = shown(self.ada.tokens.create(comment="old", scopes=["sql"])).token_id

        def change(mask, **fields):
            self.ada.tokens.update(token_id, PublicTokenInfo(**fields), FieldMask(mask))

        def info():
            return next(info for info in self.ada.tokens.list() if info.token_id == token_id)

        change(["comment"], comment="new", scopes=["tokens:read"])
        self.assertEqual((info().comment, info().scopes), ("new", ["sql"]))
        change(["comment", "scopes"], comment="newer", scopes=["tokens:read"])
        self.assertEqual((info().comment, info().scopes), ("newer", ["tokens:read"]))
        change(["scopes"], scopes=[])
        self.assertFalse(info().scopes)
        with self.assertRaises(InvalidParameterValue):
            change(["expiry_time"], expiry_time=-1)
        with self.assertRaises(NotFound) as refused:
            self.ada.tokens.update(UNKNOWN, PublicTokenInfo(comment="x"), FieldMask(["comment"]))
        self.assertEqual((type(refused.exception), refused.exception.error_code), (NotFound, "NOT_FOUND"))

    def test_invalid_requests_are_rejected(self):
        for wrong in [{"lifetime_seconds": 0}, {"lifetime_seconds": -1}, {"scopes": ["none such"]}, {"comment": "x" * 201}]:
            with self.assertRaises(InvalidParameterValue) as refused:
                self.ada.tokens.create(**wrong)
            self.assertIn(next(iter(wrong)), str(refused.exception))
        with self.assertRaises(PermissionDenied):
            self.ada.tokens.create(scopes=["clusters"])

    def test_the_quota_is_enforced(self):
        began = time.monotonic()
        with self.assertRaises(BadRequest) as refused:
            of("BOB").tokens.create(comment="one too many")
        self.assertEqual(refused.exception.error_code, "QUOTA_EXCEEDED")
        self.assertIn("quota of 1", str(refused.exception))
        self.assertLess(time.monotonic() - began, 10, "it is not tried again")

    def test_an_invalid_token_is_unauthenticated(self):
        token = os.environ["COUNTERFOIL_ADA"]
        typo = token[:-1] + ("1" if token[-1] == "0" else "0")
        for wrong in [typo, "dapi0123456789abcdef0123456789abcdef", "x"]:
            with self.assertRaises(Unauthenticated) as refused:
                client(wrong).tokens.list()
            self.assertEqual(refused.exception.error_code, "UNAUTHENTICATED")
            self.assertNotIn(wrong + "\n", str(refused.exception) + "\n")


class TokenManagement(unittest.TestCase):
    def setUp(self):
        self.ada, self.admin = of("ADA"), of("ADMIN")

    def test_list_get_update_delete(self):
        token_id = shown(self.ada.tokens.create(comment="ci", scopes=["sql"])).token_id
        everybody = {info.created_by_username for info in self.admin.token_management.list()}
        self.assertEqual(everybody, {"admin", "ada", "bob"})
        by_name = list(self.admin.token_management.list(created_by_username="ada"))
        info = next(info for info in by_name if info.token_id == token_id)
        by_id = list(self.admin.token_management.list(created_by_id=info.created_by_id))
        self.assertEqual([info.token_id for info in by_id], [info.token_id for info in by_name])
        with self.assertRaises(PermissionDenied):
            list(self.ada.token_management.list())

        self.assertEqual(self.admin.token_management.get(token_id).token_info, info)
        workspace = 0
        for digit in os.environ["COUNTERFOIL_KEY"]:
            workspace = workspace * 62 + DIGITS.index(digit)
        expected = TokenInfo(
            comment="ci",
            created_by_id=2,
            created_by_username="ada",
            creation_time=info.creation_time,
            expiry_time=-1,
            owner_id=2,
            scopes=["sql"],
            token_id=token_id,
            workspace_id=workspace,
        )
        self.assertEqual(info, expected)

        to = TokenInfo(comment="cd", scopes=["clusters"])
        changed = self.admin.token_management.update_token_management(token_id, to, FieldMask(["comment"]))
        self.assertEqual((changed.comment, changed.scopes), ("cd", ["sql"]))

        self.admin.token_management.delete(token_id)
        for gone in [token_id, UNKNOWN]:
            for call in [self.admin.token_management.delete, self.admin.token_management.get]:
                with self.assertRaises(ResourceDoesNotExist):
                    call(gone)
            with self.assertRaises(NotFound):
                self.admin.token_management.update_token_management(gone, to, FieldMask(["comment"]))
        # A member that is no admin is rejected, whether or not the token exists.
        (bobs,) = [info.token_id for info in of("BOB").tokens.list()]
        for named in [bobs, UNKNOWN]:
            with self.assertRaises(PermissionDenied):
                self.ada.token_management.delete(named)
        with self.assertRaises(ResourceDoesNotExist):
            self.ada.tokens.delete(bobs)

    def test_on_behalf_of(self):
        created = self.admin.token_management.create_obo_token("ada", comment="for ada", lifetime_seconds=60)
        info = shown(created)
        self.assertEqual((info.created_by_username, info.comment), ("ada", "for ada"))
        self.assertEqual(info.scopes, ["sql", "tokens:grant", "tokens:read", "tokens:write"])
        self.assertEqual(info.expiry_time - info.creation_time, 60_000)
        hers = client(created.token_value)
        self.assertIn(info.token_id, [info.token_id for info in hers.tokens.list()])
        with self.assertRaises(PermissionDenied):
            self.ada.token_management.create_obo_token("bob")
        with self.assertRaises(InvalidParameterValue):
            self.admin.token_management.create_obo_token("nobody")
        with self.assertRaises(DatabricksError) as refused:
            self.admin.token_management.create_obo_token("bob", scopes=[])
        self.assertEqual(refused.exception.error_code, "QUOTA_EXCEEDED")


if __name__ == "__main__":
    unittest.main()
