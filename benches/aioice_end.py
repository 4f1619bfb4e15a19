"""One end of a session of aioice. Writes its description as a line of JSON, reads the other end's, and writes how long it took
from there to the connection, in milliseconds, and the types of both candidates; then waits for the end of its input."""

import asyncio
import json
import sys
import time

from aioice import Candidate, Connection

TURN = ("203.0.113.10", 3478)


async def main():
    connection = Connection(
        ice_controlling=sys.argv[1] == "controlling",
        stun_server=TURN,
        turn_server=TURN,
        turn_username=sys.argv[2],
        turn_password=sys.argv[3],
        use_ipv6=False,
    )
    await connection.gather_candidates()
    own = {
        "user": connection.local_username,
        "password": connection.local_password,
        "candidates": [candidate.to_sdp() for candidate in connection.local_candidates],
    }
    print(json.dumps(own), flush=True)
    loop = asyncio.get_running_loop()
    other = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    begin = time.monotonic()
    connection.remote_username = other["user"]
    connection.remote_password = other["password"]
    for line in other["candidates"]:
        await connection.add_remote_candidate(Candidate.from_sdp(line))
    await connection.add_remote_candidate(None)
    try:
        await connection.connect()
        took = (time.monotonic() - begin) * 1000
        pair = connection._nominated[1]
        types = [pair.local_candidate.type, pair.remote_candidate.type]
    except ConnectionError:
        took, types = None, None
    print(json.dumps({"connected_ms": took, "types": types}), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    await connection.close()


asyncio.run(main())
