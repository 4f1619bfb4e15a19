#!/bin/bash
# Servers that answer nat with an error, with what cannot be read, or from elsewhere: they have answered.
. "$(dirname "$0")/../../lib.sh"; base_up
python_in s "$CASE/server.py"
try error nat -4 -s 198.51.100.10:3500
try two-errors nat -4 -s 198.51.100.10:3500 -s 198.51.100.11:3400
try unreadable nat -4 -s 198.51.100.12:3600
try beside nat -4 -s 198.51.100.10:3500 -s 198.51.100.10:3478
