"""One gateway worker as a process of its own: the home, its name, and three listening descriptors are the arguments."""

import logging
import socket
import sys

from clary.core.settings import load
from clary.gateway import connections
from clary.gateway.desk import Sockets
from clary.gateway.worker import run
from clary.store.store import open_store

if __name__ == "__main__":
    home, name, *descriptors = sys.argv[1:]
    logging.basicConfig(level="INFO")
    # Whoever was refused and is held up before it reads why finds the answer all the same.
    connections.LINGER_S = connections.PATIENCE_S[connections.State.LINGER] = 60.0
    settings = load({"home": home})
    listeners = [socket.socket(fileno=int(each)) for each in descriptors]
    run(settings, open_store(settings), name, Sockets(*listeners))
