"""A lean model server: `/ping` and `/invocations` over HTTP/1.1, one process, one event loop."""
