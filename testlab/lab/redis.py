"""A real Redis, which keeps nothing on disk: started again, it has forgotten everything."""

import secrets

from testlab.lab.process import Process
from testlab.lab.web import Place

USUAL_PORT = 6379
_START_TIMEOUT_S = 20


class Redis(Process):
    """One server. `place`: where it listens; `password`: what it asks its clients for."""

    def __init__(self, host, folder, log_path):
        self.place = Place(host.ip, host.port(USUAL_PORT))
        self.password = secrets.token_hex(8)
        argv = [
            *("redis-server", "--port", str(self.place.port), "--bind", host.ip),
            *("--save", "", "--appendonly", "no", "--dir", folder),
            *("--requirepass", self.password),
        ]
        super().__init__(host, host.name, argv, log_path)

    def start(self):
        super().start()
        self.until("a connection", self._takes_connections, _START_TIMEOUT_S)
        return self

    def _takes_connections(self):
        self.place.connect().close()
        return True
