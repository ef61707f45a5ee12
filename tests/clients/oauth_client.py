"""Authlib as a client of OAuth introspection and revocation; unittest runs the `test_*` methods."""

import json
import os
import unittest

from authlib.integrations.requests_client import OAuth2Session

URL = os.environ["COUNTERFOIL_URL"]
SECRET = os.environ["COUNTERFOIL_SECRET"]
TOKENS = json.loads(os.environ["COUNTERFOIL_TOKENS"])


def session(method, secret=SECRET):
    return OAuth2Session(
        "gateway",
        secret,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
    )


class OAuth(unittest.TestCase):
    def introspect(self, token, method="client_secret_basic", **others):
        return session(method, **others).introspect_token(f"{URL}/oauth/introspect", token)

    def test_introspection_and_revocation(self):
        for method in ["client_secret_basic", "client_secret_post"]:
            token = TOKENS[method]
            answer = self.introspect(token["text"], method)
            self.assertEqual(answer.status_code, 200)
            found = answer.json()
            self.assertTrue(found["active"])
            self.assertEqual((found["scope"], found["jti"], found["aud"]), ("orders:read", token["id"], "acme"))
            for _ in range(2):
                revoked = session(method).revoke_token(f"{URL}/oauth/revoke", token["text"], "access_token")
                self.assertEqual(revoked.status_code, 200)
                self.assertEqual(self.introspect(token["text"], method).json(), {"active": False})

    def test_a_wrong_secret_is_an_invalid_client_error(self):
        answer = self.introspect(TOKENS["kept"]["text"], secret="nonsense")
        self.assertEqual((answer.status_code, answer.json()["error"]), (401, "invalid_client"))


if __name__ == "__main__":
    unittest.main()
