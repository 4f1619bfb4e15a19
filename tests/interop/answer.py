"""What the tests ask aioice, as JSON on standard input; its answers as JSON on standard output."""

import asyncio
import json
import sys

from aioice import Candidate, Connection
from aioice.candidate import candidate_priority


def fields(candidate):
    return {
        "foundation": candidate.foundation,
        "component": candidate.component,
        "transport": candidate.transport,
        "priority": candidate.priority,
        "address": candidate.host,
        "port": candidate.port,
        "type": candidate.type,
        "related_address": candidate.related_address,
        "related_port": candidate.related_port,
    }


async def read(lines):
    """Each line as aioice understands it, and whether a connection takes it for a peer's."""
    answers = []
    for line in lines:
        candidate = Candidate.from_sdp(line)
        connection = Connection(ice_controlling=True)
        await connection.add_remote_candidate(candidate)
        taken = [c.to_sdp() for c in connection.remote_candidates] == [candidate.to_sdp()]
        answers.append(fields(candidate) | {"taken": taken, "line": candidate.to_sdp()})
    return answers


async def gather(options):
    """The candidates that aioice gathers itself."""
    servers = {key: tuple(value) for key, value in options.items() if key.endswith("_server")}
    connection = Connection(ice_controlling=True, **(options | servers))
    await connection.gather_candidates()
    found = [fields(c) | {"line": c.to_sdp()} for c in connection.local_candidates]
    await connection.close()
    return found


async def main():
    asked = json.load(sys.stdin)
    answers = {}
    if "read" in asked:
        answers["read"] = await read(asked["read"])
    if "write" in asked:
        written = [Candidate(**c) for c in asked["write"]]
        answers["write"] = [fields(c) | {"line": c.to_sdp()} for c in written]
    if "gather" in asked:
        answers["gather"] = await gather(asked["gather"])
    if "priorities" in asked:
        answers["priorities"] = [
            candidate_priority(component, kind, preference)
            for component, kind, preference in asked["priorities"]
        ]
    json.dump(answers, sys.stdout)


asyncio.run(main())
