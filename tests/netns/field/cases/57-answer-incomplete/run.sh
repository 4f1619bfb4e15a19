#!/bin/bash
# Answers to Allocate that lack what browsers look for, or that give a relayed address of a family that was not asked for. Once beside
# a server that is whole.
. "$(dirname "$0")/../../lib.sh"; base_up
for habit in no-mapped-address no-lifetime no-relayed-address ignores-family; do
  python_in s "$FIELD/miniturn.py" 198.51.100.10 $habit; odd=$PID
  try gather-$habit gather -s 'turn:198.51.100.10?transport=udp' $LAB
  try turn-$habit turn --no-policy 'turn:198.51.100.10?transport=udp' $LAB
  python_in s "$FIELD/miniturn.py" 198.51.100.11
  try beside-$habit gather -s 'turn:198.51.100.10?transport=udp' -s 'turn:198.51.100.11?transport=udp' $LAB
  stop $odd $PID
done
