#!/bin/bash
# A refusal that came before the time limit is in the result.
. "$(dirname "$0")/../../lib.sh"; base_up
for t in 1.5 3; do try refused-$t nat -4 --no-port-mapping --timeout $t -s 198.51.100.11; done
