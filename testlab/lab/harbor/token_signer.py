"""JSON Web Tokens as Harbor signs them and docker-registry checks them: RS256, by openssl."""

import base64
import hashlib
import json
import os
import secrets
import subprocess
import time

from testlab.lab import process
from testlab.lab.errors import LabError

ISSUER = "harbor-token-issuer"
SERVICE = "harbor-registry"
_TIMEOUT_S = 30
# Of the hash of a key, what its name has (docker/libtrust).
_KEY_ID_BYTES = 30
_KEY_ID_GROUP = 4


class TokenSigner:
    """`certificate`: what the registry is to trust."""

    def __init__(self, host, folder):
        os.makedirs(folder, mode=0o700)
        self.certificate = os.path.join(folder, "token.crt")
        self._key = os.path.join(folder, "token.key")
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        made += ["-subj", "/CN=harbor token issuer", "-keyout", self._key, "-out"]
        process.run(host, [*made, self.certificate], _TIMEOUT_S)
        public = _openssl(["pkey", "-in", self._key, "-pubout", "-outform", "DER"], b"")
        self._header = {"typ": "JWT", "alg": "RS256", "kid": _key_id(public)}
        self._signed = {}

    def sign(self, subject, access, lifetime_s):
        """`access`: [{"type", "name", "actions"}]. A lifetime may be over: negative."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "aud": SERVICE,
            "exp": now + lifetime_s,
            "nbf": now - abs(lifetime_s),
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        signed = ".".join(_encode(json.dumps(part).encode()) for part in (self._header, claims))
        signature = _openssl(["dgst", "-sha256", "-sign", self._key], signed.encode())
        token = f"{signed}.{_encode(signature)}"
        self._signed[token] = claims
        return token

    def claims(self, token):
        """Of one that was signed here and has not expired; None: of another."""
        claims = self._signed.get(token)
        return claims if claims and time.time() < claims["exp"] else None


def _key_id(public_key):
    """Of a public key in DER: as docker-registry calls it."""
    text = base64.b32encode(hashlib.sha256(public_key).digest()[:_KEY_ID_BYTES]).decode()
    return ":".join(text[i : i + _KEY_ID_GROUP] for i in range(0, len(text), _KEY_ID_GROUP))


def _encode(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _openssl(arguments, content):
    done = subprocess.run(
        ["openssl", *arguments], input=content, capture_output=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise LabError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout
