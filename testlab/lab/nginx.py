"""nginx, as good as it gets at serving a few files: the measure of how fast serving can be."""

import os

from testlab.lab.process import Process
from testlab.lab.web import Place

_USUAL_PORT = 8080
_START_TIMEOUT_S = 20
_CONFIG = """
{user}
daemon off;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=16 inactive=1h;
  open_file_cache_valid 1h;
  default_type application/octet-stream;
  client_body_temp_path {folder}/temp/body;
  proxy_temp_path {folder}/temp/proxy;
  fastcgi_temp_path {folder}/temp/fastcgi;
  uwsgi_temp_path {folder}/temp/uwsgi;
  scgi_temp_path {folder}/temp/scgi;
  server {{
    listen {address};
    root {folder}/files;
  }}
}}
"""


class Nginx(Process):
    """Serves files, as many workers as asked for, open files cached, no log, sendfile."""

    def __init__(self, host, folder, workers):
        self.place = Place(host.ip, host.port(_USUAL_PORT))
        self._files = os.path.join(folder, "files")
        os.makedirs(self._files)
        os.makedirs(os.path.join(folder, "temp"))
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(
                _CONFIG.format(
                    user="user root;" if os.geteuid() == 0 else "",
                    workers=workers,
                    folder=folder,
                    address=self.place.address,
                )
            )
        log = os.path.join(folder, "nginx.log")
        argv = ["nginx", "-e", log, "-p", folder, "-c", config]
        super().__init__(host, "nginx", argv, os.path.join(folder, "output.log"))

    def serve(self, name, path):
        """Serves the very file at `path` as /`name`; returns its URL."""
        os.link(path, os.path.join(self._files, name))
        return f"{self.place.url}/{name}"

    def start(self):
        super().start()
        self.until("its port", self._answers, _START_TIMEOUT_S)
        return self

    def _answers(self):
        return self.place.get("/").status in (403, 404)
