#!/bin/bash
# A server that answers after 1.4 s beside two that answer at once, and beside one, where its answer is needed; one as slow on
# another port of the fast one, a port that never answers beside one that does, and the slow one alone.
. "$(dirname "$0")/../../lib.sh"; base_up
python_in s "$CASE/server.py"
try beside nat -4 -s 198.51.100.10 -s 198.51.100.12 -s 198.51.100.11
try needed nat -4 -s 198.51.100.10 -s 198.51.100.11
try slow-port nat -4 -s 198.51.100.10 -s 198.51.100.10:5000
try dead-port nat -4 -s 198.51.100.10 -s 198.51.100.10:5001
try alone nat -4 -s 198.51.100.11
