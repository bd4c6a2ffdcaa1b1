"""docker-registry that lets in who brings a token of Harbor's."""

from testlab.lab.harbor.token_signer import ISSUER, SERVICE
from testlab.lab.registry import Registry


class TokenRegistry(Registry):
    """It gives no tokens and knows no passwords: all of its clients come through Harbor."""

    def __init__(self, host, folder, log_path, endpoints, realm, certificate):
        """`realm`: where its challenge sends clients. `certificate`: of who signs tokens."""
        self._realm = realm
        self._certificate = certificate
        super().__init__(host, folder, log_path, endpoints)

    def _auth(self):
        return {
            "token": {
                "realm": self._realm,
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": self._certificate,
            }
        }
