"""What a run says about what Clary promises, as lines below the table."""

from __future__ import annotations

from inference.load import Bursts
from inference.report import summary

ACCELERATED, NATIVE = "clary accelerated", "clary native"
FLOOR, BARE_ONNX = "bare xgboost", "bare onnx"
FEW, MANY = 8, 64
CPU_MAX, REQUESTS_MIN, P99_MAX, NATIVE_CPU_MAX = 0.4, 2.5, 1.0, 1.0
PROTOTYPE = 0.22
"""What a prototype took of the floor's CPU at 8 connections: a gateway with signatures and routing before ONNX
Runtime, but without IAM decisions, clock skew, metrics and audit. How near the whole comes to it is worth knowing."""


def claims(bursts: Bursts) -> list[str]:
    """Return a line for each figure that has a goal, or is a comparison people ask for; none for what was not run."""
    ran = {name for name, _ in bursts}
    lines = []
    if ACCELERATED in ran:
        few, many = (summary(bursts, ACCELERATED, connections, FLOOR) for connections in (FEW, MANY))
        lines = [
            f"- CPU at {FEW} connections: {few.cpu_ratio:.2f} of the floor's (goal: at most {CPU_MAX});"
            f" requests a second at {MANY}: {many.requests_ratio:.2f} of the floor's (goal: at least {REQUESTS_MIN});"
            f" p99 at {FEW}: {few.p99_ratio:.2f} of the floor's (goal: at most {P99_MAX:.1f}).",
            f"- A prototype without IAM, metrics and audit took {PROTOTYPE} of the floor's CPU:"
            f" Clary whole takes {few.cpu_ratio / PROTOTYPE:.1f} times that.",
        ]
    if {ACCELERATED, BARE_ONNX} <= ran:
        few, many = (summary(bursts, ACCELERATED, connections, BARE_ONNX) for connections in (FEW, MANY))
        lines.append(
            f"- Beside the bare server on ONNX Runtime: {few.cpu_ratio:.2f} of its CPU at {FEW} connections,"
            f" {many.cpu_ratio:.2f} at {MANY}; {few.requests_ratio:.2f} and {many.requests_ratio:.2f} of its"
            " requests a second."
        )
    if NATIVE in ran:
        few = summary(bursts, NATIVE, FEW, FLOOR)
        lines.append(
            f"- A model that is not accelerated: {few.cpu_ratio:.2f} of the floor's CPU at {FEW} connections"
            f" (goal: at most {NATIVE_CPU_MAX:.1f})."
        )
    peers = ran - {ACCELERATED, NATIVE, FLOOR, BARE_ONNX}
    if ACCELERATED in ran and peers:
        taken = {name: summary(bursts, name, FEW, ACCELERATED).cpu_ratio for name in sorted(peers)}
        least = min(taken, key=lambda name: taken[name])
        lines.append(
            f"- The peer that takes least, {least}: {taken[least]:.1f} times Clary's CPU at {FEW} connections."
        )
    return lines
