"""A small cluster whose bridge has registered itself at the lab's own Harbor."""

import os

from testlab.lab import certificates, process
from testlab.lab.daemons import Bridge
from testlab.lab.harbor.harbor import Harbor
from testlab.lab.harbor.service import server_tls
from testlab.lab.small import SmallCluster

# The bridge's name for this Harbor, and the project whose events it hears.
HUB, PROJECT = "hub", "team"
ROBOT = "kraken"
# Before each attempt to deliver a webhook: the later ones find a bridge that was started again.
_DELAYS_S = (0.1, 5, 20)
_COMMAND_TIMEOUT_S = 60


class RegisteredCluster(SmallCluster):
    """Two origins, each with every blob, an agent, a bridge; no registry tells it anything.

    From Harbor 2.0 on all is done by the bridge's commands; at 1.10 by hand, as it has no API v2.0.
    """

    def __init__(self, network, folder, programs, version, authorization):
        """`authorization`: what Harbor's requests to the bridge must bring, or ""."""
        super().__init__(network, folder, programs, ["agent"], origins=("origin1", "origin2"))
        host = self.add_host("harbor")
        self.add_host("bridge")
        self.version = version
        self.authorization = authorization
        self._authority = certificates.Authority(host, os.path.join(folder, "harbor-tls"))
        self.harbor = Harbor(
            *(network.own_ip, host, f"{folder}/hosts/harbor", f"{self.logs}/harbor.log"),
            version=version,
            tls=server_tls(self._authority, HUB, network.own_ip) if version.has_api else None,
            delays_s=_DELAYS_S,
        )
        self._closers.append(self.harbor.close)
        self.harbor.projects.add(PROJECT)
        self._secret_path = os.path.join(folder, "robot")
        self._admin_path = os.path.join(folder, "admin")
        with open(self._admin_path, "w", encoding="utf-8") as file:
            file.write(self.harbor.admin.secret + "\n")
        self._add_daemons()

    def _add_daemons(self):
        backend = self.harbor.backend(self.harbor.admin, self._authority.certificate)
        # The robot that is to be made: whoever reads the file then has its secret.
        backend["security"]["basic"] = {
            "username": f"robot${ROBOT}",
            "password": "${file:" + self._secret_path + "}",
        }
        self.add_daemons({"registry_blob": backend}, {"registry_tag": backend})
        hub = {"name": HUB, "namespace": ".*", "registry": backend}
        if self.authorization:
            hub["authorization"] = self.authorization
        if self.version.has_api:
            hub["api"] = {}
        self.bridge = self._new(
            *(Bridge, "bridge", "harbor-bridge", [hub]),
            [origin.place.address for origin in self.origins],
            *(self.build_index.place.address, self.tracker.place.address),
        )
        self.bridge.configure(url=self.bridge.place.url)

    @property
    def _daemons(self):
        return [*super()._daemons, self.bridge]

    @property
    def processes(self):
        return [self.harbor.registry, *super().processes]

    def start(self):
        self.harbor.registry.start()
        if self.version.has_api:
            self.command("register", f"--create-robot={ROBOT}", f"--robot-file={self._secret_path}")
            self.register()
        else:
            self._register_by_hand()
        super().start()

    def register(self):
        """What the bridge's command says."""
        return self.command("register")

    def _register_by_hand(self):
        robot = self.harbor.accounts.add_robot(ROBOT)
        with open(self._secret_path, "w", encoding="utf-8") as file:
            file.write(robot.secret)
        target = {
            "type": "http",
            "address": f"{self.bridge.place.url}/{HUB}/webhook",
            "auth_header": self.authorization,
        }
        policy = {
            "name": "by-hand",
            "enabled": True,
            "event_types": ["PUSH_ARTIFACT", "DELETE_ARTIFACT"],
            "targets": [target],
        }
        self.harbor.webhooks.put(self.harbor.projects.find(PROJECT), policy)

    def command(self, name, *flags):
        """What a command of the bridge's says as an administrator. LabError: it failed."""
        argv = [self.program("harbor-bridge"), name, f"--config={self.bridge.config_path}"]
        if self.version.has_api:
            argv += ["--user=admin", f"--password-file={self._admin_path}"]
        argv += [f"--projects=^{PROJECT}$", *flags]
        return process.run(self.bridge.host, argv, _COMMAND_TIMEOUT_S).stdout
