"""A real Redis, which keeps nothing on disk: started again, it has forgotten everything."""

from testlab.lab.process import Process
from testlab.lab.web import Place

USUAL_PORT = 6379
_START_TIMEOUT_S = 20


class Redis(Process):
    """One server. `place`: where it listens."""

    def __init__(self, host, folder, log_path):
        self.place = Place(host.ip, host.port(USUAL_PORT))
        argv = [
            *("redis-server", "--port", str(self.place.port), "--bind", host.ip),
            *("--save", "", "--appendonly", "no", "--dir", folder),
        ]
        super().__init__(host, host.name, argv, log_path)

    def start(self):
        super().start()
        self.until("a connection", self._takes_connections, _START_TIMEOUT_S)
        return self

    def _takes_connections(self):
        self.place.connect().close()
        return True
