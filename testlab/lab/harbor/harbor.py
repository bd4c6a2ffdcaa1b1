"""Harbor, as far as the lab has it: /v2/ and /service/token before a registry of its own."""

import os

from testlab.lab.harbor import core_proxy, token_service
from testlab.lab.harbor.accounts import Accounts
from testlab.lab.harbor.core_proxy import CoreProxy
from testlab.lab.harbor.projects import Projects
from testlab.lab.harbor.service import Service
from testlab.lab.harbor.token_registry import TokenRegistry
from testlab.lab.harbor.token_service import TokenService
from testlab.lab.harbor.token_signer import TokenSigner


class Harbor:
    """Listens at `place` from the start; what it says of /v2/ is right once `registry` runs."""

    def __init__(self, ip, host, folder, log_path, endpoints=None):
        """`ip`: of Harbor, in this process. `host`, `folder`, `log_path`: of its registry.

        `endpoints`: whom the registry notifies, as Registry takes them.
        """
        self.accounts = Accounts()
        self.projects = Projects()
        self._service = Service(ip)
        self.place = self._service.place
        os.makedirs(folder)
        signer = TokenSigner(host, os.path.join(folder, "tokens"))
        self.tokens = TokenService(self.accounts, self.projects, signer)
        realm = self.place.url + token_service.PATH
        self.registry = TokenRegistry(
            *(host, folder, log_path, endpoints or {}), realm, signer.certificate
        )
        core = CoreProxy(self.accounts, self.projects, self.tokens, self.registry.place)
        self._service.add(token_service.PATH, self.tokens.handle)
        self._service.add(core_proxy.PATH, core.handle)
        self.admin = self.accounts.add_user("admin", is_admin=True)

    def account_view(self, account):
        """What pushes and pulls as this account: for upload() and Skopeo."""
        return AccountView(self.place, account)

    def backend(self, account):
        """The section `registry_blob` or `registry_tag` of a process that reads as this account."""
        return {
            "address": self.place.address,
            "security": {
                "basic": {"username": account.name, "password": account.secret},
                "tls": {"client": {"disabled": True}},
            },
        }

    def close(self):
        self._service.close()


class AccountView:
    """A registry as one account sees it."""

    def __init__(self, place, account):
        self.place = place
        self._account = account

    @property
    def credentials(self):
        return self._account.credentials

    def authorization(self):
        return self._account.authorization()
