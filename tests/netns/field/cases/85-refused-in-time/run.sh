#!/bin/bash
# A refusal that came before the time limit is in the result.
. "$(dirname "$0")/../../lib.sh"; base_up
try refused nat -4 --no-port-mapping --timeout 1.5 -s 198.51.100.11
