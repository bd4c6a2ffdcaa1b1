"""A small cluster behind the lab's own Harbor, whose access rules its agents keep."""

from testlab.lab.harbor.harbor import Harbor
from testlab.lab.small import SmallCluster

ROBOT = "kraken"


class HarborCluster(SmallCluster):
    """Origin and build-index read as a robot account; each agent asks Harbor who may pull."""

    def __init__(self, network, folder, programs, challenges):
        """`challenges`: {agent: how it asks clients for credentials, "bearer" or "basic"}."""
        super().__init__(network, folder, programs, list(challenges))
        self.harbor = Harbor(
            *(network.own_ip, self.add_host("harbor")),
            *(f"{folder}/hosts/harbor", f"{self.logs}/harbor.log"),
        )
        self._closers.append(self.harbor.close)
        backend = self.harbor.backend(self.harbor.accounts.add_robot(ROBOT))
        self.add_daemons({"registry_blob": backend}, {"registry_tag": backend})
        for agent in self.agents:
            agent.configure(access=self._access(challenges[agent.name]))

    def _access(self, challenge):
        """Nothing that Harbor says is remembered: each request shows what it says now."""
        harbor = {
            "address": self.harbor.place.address,
            "security": {"tls": {"client": {"disabled": True}}},
        }
        rule = {"namespace": ".*", "mode": "passthrough", "challenge": challenge, "harbor": harbor}
        return {"rules": [rule], "decision_ttl": "0s"}

    @property
    def processes(self):
        return [self.harbor.registry, *super().processes]

    def start(self):
        self.harbor.registry.start()
        super().start()
