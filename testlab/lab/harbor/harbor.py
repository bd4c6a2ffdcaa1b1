"""Harbor, as far as the lab has it, before a registry of its own."""

import contextlib
import os

from testlab.lab.harbor import api, core_proxy, notifications, token_service, webhooks
from testlab.lab.harbor.accounts import Accounts
from testlab.lab.harbor.api import Api
from testlab.lab.harbor.api_content import ContentApi
from testlab.lab.harbor.api_preheat import InstancesApi, PoliciesApi
from testlab.lab.harbor.api_robots import RobotsApi
from testlab.lab.harbor.api_system import SystemApi
from testlab.lab.harbor.api_webhooks import WebhooksApi
from testlab.lab.harbor.catalog import Catalog
from testlab.lab.harbor.core_proxy import CoreProxy, RegistryLogin, TokenLogin
from testlab.lab.harbor.events import Events
from testlab.lab.harbor.manifests import TagsInCore, TagsInRegistry
from testlab.lab.harbor.notifications import Notifications
from testlab.lab.harbor.preheat import Preheat
from testlab.lab.harbor.preheat_instances import Instances
from testlab.lab.harbor.projects import Projects
from testlab.lab.harbor.registry_proxy import RegistryProxy
from testlab.lab.harbor.service import Service
from testlab.lab.harbor.token_registry import TokenRegistry
from testlab.lab.harbor.token_service import TokenService
from testlab.lab.harbor.token_signer import TokenSigner
from testlab.lab.harbor.versions import HARBOR_2_15
from testlab.lab.harbor.webhooks import Webhooks
from testlab.lab.registry import Registry


class Harbor:
    """Listens at `place` from the start; what it says of /v2/ is right once `registry` runs."""

    def __init__(
        self,
        ip,
        host,
        folder,
        log_path,
        endpoints=None,
        version=HARBOR_2_15,
        tls=None,
        delays_s=webhooks.ATTEMPT_DELAYS_S,
    ):
        """`ip`: of Harbor, in this process. `host`, `folder`, `log_path`: of its registry.

        `endpoints`: whom the registry notifies besides, as Registry takes them. `tls`: ServerTls.
        `delays_s`: before each attempt to deliver a webhook.
        """
        os.makedirs(folder)
        self.version = version
        self.accounts = Accounts()
        self.admin = self.accounts.add_user("admin", is_admin=True)
        self.projects = Projects()
        self.catalog = Catalog()
        self._service = Service(ip, tls)
        self.place = self._service.place
        signer = TokenSigner(host, os.path.join(folder, "tokens"))
        self.tokens = TokenService(self.accounts, self.projects, signer)
        self.registry = self._new_registry(host, folder, log_path, endpoints or {}, signer)
        self.events = Events()
        self.webhooks = Webhooks(
            version, self.projects, self._created, self.place.address, delays_s
        )
        self.events.listen(self.webhooks.on_event)
        self._serve_preheat()
        self._serve()

    def _new_registry(self, host, folder, log_path, endpoints, signer):
        if self.version.has_api:
            return Registry(host, folder, log_path, endpoints)
        realm = self.place.url + token_service.PATH
        core = {"harbor": {"url": self.place.url + notifications.PATH}}
        return TokenRegistry(
            *(host, folder, log_path, {**core, **endpoints}), realm, signer.certificate
        )

    def _created(self, repository):
        known = self.catalog.repository(repository)
        return known and known.created

    def _serve_preheat(self):
        self._instances = Instances(self.version)
        self.preheat = Preheat(
            self._instances, self.projects, self.catalog, self.tokens, self.place.url
        )
        if self.version.has_preheat:
            self.events.listen(self.preheat.on_event)

    def _serve(self):
        proxy = RegistryProxy(self.registry.place)
        if self.version.has_api:
            login = RegistryLogin(self.registry)
            keeper = TagsInCore(proxy, self.catalog, self.events, self.version)
        else:
            login = TokenLogin(self.tokens)
            keeper = TagsInRegistry(proxy, self.events)
            self._service.add(notifications.PATH, Notifications(self.events).handle)
        core = CoreProxy(self.accounts, self.projects, self.tokens, login, keeper)
        self._service.add(token_service.PATH, self.tokens.handle)
        self._service.add(core_proxy.PATH, core.handle)
        self._service.add(api.PATH, self._api().handle)

    def _api(self):
        version = self.version
        served = Api(version, self.accounts, self.projects)
        SystemApi(served, version, self.place)
        ContentApi(served, version, self.projects, self.catalog, self.events)
        WebhooksApi(served, version, self.webhooks)
        RobotsApi(served, self.accounts)
        if version.has_preheat:
            InstancesApi(served, self._instances, self.preheat)
            PoliciesApi(served, self.preheat)
        return served

    @contextlib.contextmanager
    def out_of_order(self):
        """Within it, Harbor gives out nothing: whatever is to be had then is elsewhere."""
        self._service.is_out_of_order = True
        try:
            yield
        finally:
            self._service.is_out_of_order = False

    def account_view(self, account):
        """What pushes and pulls as this account: for upload() and Skopeo."""
        return AccountView(self.place, account)

    def backend(self, account, authority=None):
        """The section `registry_blob` or `registry_tag` of a process that reads as this account.

        `authority`: the file of who signed Harbor's certificate; "": whom the system trusts.
        """
        tls = {"client": {"disabled": not self.place.tls}}
        if authority and self.place.tls:
            tls["cas"] = [{"path": authority}]
        return {
            "address": self.place.address,
            "security": {
                "basic": {"username": account.name, "password": account.secret},
                "tls": tls,
            },
        }

    def close(self):
        self.webhooks.close()
        self.preheat.close()
        self._service.close()


class AccountView:
    """A registry, and an API, as one account sees them."""

    def __init__(self, place, account):
        self.place = place
        self._account = account

    @property
    def credentials(self):
        return self._account.credentials

    def authorization(self):
        return self._account.authorization()
