"""SageMaker's container whole: nginx on a port, gunicorn behind it on a Unix socket; when one ends, so does the other.

python container_behind_nginx.py PORT GUNICORN...
"""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import sys
from pathlib import Path

CONFIGURATION = """
daemon off;
user {user};
worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream gunicorn {{ server unix:{folder}/gunicorn.sock; }}
  server {{
    listen 127.0.0.1:{port} deferred;
    client_max_body_size 5m;
    keepalive_timeout 5;
    location ~ ^/(ping|invocations) {{
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header Host $http_host;
      proxy_redirect off;
      proxy_pass http://gunicorn;
    }}
    location / {{ return 404 "{{}}"; }}
  }}
}}
"""


def main(port: int, gunicorn: list[str]) -> None:
    """Run both until one ends or this is told to."""
    folder = Path.cwd()
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=port, user=getpass.getuser()))
    nginx = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"])
    workers = subprocess.Popen([*gunicorn, "--bind", f"unix:{folder}/gunicorn.sock"])
    signal.signal(signal.SIGTERM, lambda *_: nginx.terminate())
    os.wait()
    for each in (nginx, workers):
        each.terminate()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
