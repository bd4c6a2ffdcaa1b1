"""The lab's certificates, made by Debian's openssl: an authority, and one certificate for all.

Kraken checks every peer's certificate for one name (tls.name), so all processes share theirs.
"""

import os

from testlab.lab import process

NAME = "kraken"
_TIMEOUT_S = 30
_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, host, folder):
        os.makedirs(folder, mode=0o700)
        self._host = host
        self._folder = folder
        self.certificate = os.path.join(folder, "ca.pem")
        self._key = os.path.join(folder, "ca.key")
        self._openssl(
            *("req", "-x509", *_NEW_KEY, "-days", "2", "-subj", "/CN=Kraken Harbor test lab"),
            *("-keyout", self._key, "-out", self.certificate),
        )

    def issue(self, name, ip=None):
        """For a DNS name, and an address if there is one: the paths of certificate and key."""
        base = os.path.join(self._folder, name)
        names = f"DNS:{name}" + (f",IP:{ip}" if ip else "")
        self._openssl(
            *("req", "-new", *_NEW_KEY, "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName={names}"),
            *("-addext", "extendedKeyUsage=serverAuth,clientAuth"),
            *("-keyout", f"{base}.key", "-out", f"{base}.csr"),
        )
        self._openssl(
            *("x509", "-req", "-in", f"{base}.csr", "-copy_extensions", "copy", "-days", "2"),
            *("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial"),
            *("-out", f"{base}.pem"),
        )
        return f"{base}.pem", f"{base}.key"

    def _openssl(self, *arguments):
        process.run(self._host, ["openssl", *arguments], _TIMEOUT_S)
