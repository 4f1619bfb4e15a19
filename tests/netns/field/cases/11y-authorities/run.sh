#!/bin/bash
# Certificates whose authority may not sign for this name (name constraints), or is none.
. "$(dirname "$0")/../../lib.sh"; base_up; ca_up
signed() { # NAME EXTENSIONS-OF-THE-AUTHORITY
  local n=$1; key "$n" ec; openssl req -new -key "$CA/$n.key" -subj "/CN=Example Authority $n" -out "$CA/$n.csr"; printf '%s\n' "$2" >"$CA/$n.ext"
  openssl x509 -req -in "$CA/$n.csr" -CA "$CA/root.pem" -CAkey "$CA/root.key" -CAcreateserial -days 60 -extfile "$CA/$n.ext" -out "$CA/$n.pem" 2>/dev/null
  echo subjectAltName=DNS:turn.example.org >"$CA/leaf.ext"
  openssl x509 -req -in "$CA/good.csr" -CA "$CA/$n.pem" -CAkey "$CA/$n.key" -CAcreateserial -days 60 -extfile "$CA/leaf.ext" -out "$CA/$n-leaf.pem" 2>/dev/null
  cat "$CA/$n-leaf.pem" "$CA/$n.pem" >"$CA/$n-full.pem"
  coturn -L 198.51.100.10 $USERS --cert "$CA/$n-full.pem" --pkey "$CA/good.key" --no-udp --no-tcp
  try "$n" turn --no-policy turns:turn.example.org $LAB; stop $PID; }
signed constrained $'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nnameConstraints=critical,permitted;DNS:corp.example'
signed none basicConstraints=CA:FALSE
