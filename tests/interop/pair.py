"""One end of a session, with aioice: JSON lines on standard input and output.

The first line in has the options. Then `{"sdp": ...}` goes out and the other end's comes in, all candidates at once. What
follows goes out: `connected` or `failed`, and at the end of standard input `ended`.
"""

import asyncio
import json
import sys

import aioice
from aioice import Candidate, Connection, TransportPolicy

# aioice leaves loopback out, as any agent should on a real host.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


def say(**what):
    print(json.dumps(what), flush=True)


async def lines():
    reader = asyncio.StreamReader(limit=1 << 20)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    return reader


def describe(connection):
    attributes = [f"ice-ufrag:{connection.local_username}", f"ice-pwd:{connection.local_password}"]
    attributes += [f"candidate:{c.to_sdp()}" for c in connection.local_candidates]
    sdp = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    sdp += ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0"]
    return "".join(f"{line}\r\n" for line in sdp + [f"a={a}" for a in attributes])


async def understand(connection, sdp):
    for line in sdp.splitlines():
        name, _, value = line.removeprefix("a=").partition(":")
        if name == "ice-ufrag":
            connection.remote_username = value
        elif name == "ice-pwd":
            connection.remote_password = value
        elif name == "candidate":
            await connection.add_remote_candidate(Candidate.from_sdp(value))
    await connection.add_remote_candidate(None)


async def answer(connection, data, options, counts):
    """Sends data back, in the way that the test wants."""
    counts["received"] += 1
    if options["echo"] == "none":
        return
    await asyncio.sleep(options.get("delay_s", 0))
    if options["echo"] == "as-rtcdiag":
        if data[:4] != b"RTCp":
            return
        data = b"RTCe" + data[4:]
    try:
        await connection.send(data)
        counts["sent"] += 1
    except ConnectionError:
        pass


async def carry(connection, options, counts):
    answers = set()
    while True:
        try:
            data = await connection.recv()
        except ConnectionError:
            return
        task = asyncio.create_task(answer(connection, data, options, counts))
        answers.add(task)
        task.add_done_callback(answers.discard)


async def main():
    reader = await lines()
    options = json.loads(await reader.readline())
    servers = {key: tuple(value) for key, value in options.items() if key.endswith("_server")}
    user = {key: options[key] for key in ("turn_username", "turn_password") if key in options}
    policy = TransportPolicy.RELAY if options.get("relay_only") else TransportPolicy.ALL
    connection = Connection(
        ice_controlling=options["controlling"], transport_policy=policy, **servers, **user
    )
    await connection.gather_candidates()
    say(sdp=describe(connection))
    given = await reader.readline()
    if not given:
        return
    await understand(connection, json.loads(given)["sdp"])
    counts = {"received": 0, "sent": 0}
    try:
        await asyncio.wait_for(connection.connect(), 20)
    except (ConnectionError, asyncio.TimeoutError) as error:
        say(failed=str(error) or type(error).__name__)
        await connection.close()
        return
    pair = connection._nominated[1]
    say(
        connected={
            "controlling": connection.ice_controlling,
            "local": {"type": pair.local_candidate.type, "port": pair.local_candidate.port},
            "remote": {"type": pair.remote_candidate.type, "port": pair.remote_candidate.port},
        }
    )
    carrying = asyncio.create_task(carry(connection, options, counts))
    # The test closes it when the other end has ended.
    await reader.read()
    carrying.cancel()
    await connection.close()
    say(ended=counts)


asyncio.run(main())
