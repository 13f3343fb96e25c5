"""Write src/clary/wire/service_index.json: signing name and target prefix of every service that botocore knows."""

from __future__ import annotations

import json
from pathlib import Path

import botocore.session

OUT = Path(__file__).parent.parent / "src/clary/wire/service_index.json"


def main() -> None:
    session = botocore.session.get_session()
    index = {}
    for name in session.get_available_services():
        metadata = session.get_service_model(name).metadata
        signing = metadata.get("signingName", metadata["endpointPrefix"])
        index[name] = {"signing": signing, "target": metadata.get("targetPrefix", "")}
    lines = [f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(index.items())]
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(index)} services")


if __name__ == "__main__":
    main()
