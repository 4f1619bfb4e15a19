#!/bin/bash
# Certificates that are wrong in other ways: an intermediate that is not sent (three ways to know it), version 1, the name in CN alone,
# another name, an address as a DNS name, ended and self-signed, SHA-1, for clients, a critical extension, a CA's, a root made anew, a root that is not sent.
. "$(dirname "$0")/../../lib.sh"; base_up; ca_up
need openssl openssl
serve() { # NAME CERTIFICATE KEY [ARGUMENTS OF rtcdiag]: what rtcdiag says of this certificate
  local n=$1 c=$2 k=$3; shift 3
  # Some of them coturn would not load, so it is not coturn that shows them.
  bg s openssl s_server -quiet -accept 198.51.100.10:5349 -cert "$c" -key "$k" -cert_chain "$c" -cipher ALL:@SECLEVEL=0; ready s "$PID"
  if [ $# = 0 ]; then try "$n" turn --no-policy turns:turn.example.org $LAB; else try "$n" "$@"; fi
  stop $PID; }
SAN=subjectAltName=DNS:turn.example.org
serve alone "$CA/good.pem" "$CA/good.key"
serve alone-stuns "$CA/good.pem" "$CA/good.key" gather -s stuns:turn.example.org
leaf aia /CN=turn.example.org $'subjectAltName=DNS:turn.example.org\nauthorityInfoAccess=caIssuers;URI:http://e5.i.example.org/'
serve alone-aia "$CA/aia.pem" "$CA/aia.key"
self_signed stray "/O=Somebody Else/CN=Other Intermediate R3" ec basicConstraints=critical,CA:TRUE
cat "$CA/good.pem" "$CA/stray.pem" >"$CA/stray-full.pem"; serve other-intermediate "$CA/stray-full.pem" "$CA/good.key"
self_signed gateway "/O=Example Corp IT/CN=Example Corp Web Gateway CA" ec
by() { # NAME CA EXTENSION [openssl x509 OPTIONS]: signed by that CA
  local n=$1 ca=$2 e=$3; shift 3; [ -f "$CA/$n.key" ] || key "$n" ec; openssl req -new -key "$CA/$n.key" -subj /CN=turn.example.org -out "$CA/$n.csr"; echo "$e" >"$CA/$n.ext"
  openssl x509 -req -in "$CA/$n.csr" -CA "$CA/$ca.pem" -CAkey "$CA/$ca.key" -CAcreateserial -days 60 ${e:+-extfile "$CA/$n.ext"} "$@" -out "$CA/$n.pem" 2>/dev/null; }
by seen gateway $SAN; serve root-not-sent "$CA/seen.pem" "$CA/seen.key"
key v1 ec; by v1 int ""; cat "$CA/v1.pem" "$CA/int.pem" >"$CA/v1-full.pem"; serve version-1 "$CA/v1-full.pem" "$CA/v1.key"
openssl req -x509 -new -key "$CA/v1.key" -days 99 -subj /CN=turn.example.org -x509v1 -out "$CA/v1self.pem" 2>/dev/null || openssl x509 -req -in "$CA/v1.csr" -signkey "$CA/v1.key" -days 99 -out "$CA/v1self.pem" 2>/dev/null
serve version-1-self-signed "$CA/v1self.pem" "$CA/v1.key"
leaf cn /CN=turn.example.org extendedKeyUsage=serverAuth; serve cn-only "$CA/cn-full.pem" "$CA/cn.key"
leaf other /CN=www.example.org $'subjectAltName=DNS:www.example.org,DNS:example.org'; serve other-name "$CA/other-full.pem" "$CA/other.key"
serve address "$CA/good-full.pem" "$CA/good.key" turn --no-policy turns:198.51.100.10 $LAB
leaf dns /CN=198.51.100.10 subjectAltName=DNS:198.51.100.10; serve address-as-name "$CA/dns-full.pem" "$CA/dns.key" turn --no-policy turns:198.51.100.10 $LAB
self_signed plain /CN=localhost ec subjectAltName=DNS:localhost basicConstraints=critical,CA:FALSE; serve self-signed-other-name "$CA/plain.pem" "$CA/plain.key"
leaf old /CN=turn.example.org $SAN 20200101000000Z 20210101000000Z; serve ended "$CA/old-full.pem" "$CA/old.key"
by sha1 int $SAN -sha1; cat "$CA/sha1.pem" "$CA/int.pem" >"$CA/sha1-full.pem"; serve sha1 "$CA/sha1-full.pem" "$CA/sha1.key"
leaf client /CN=turn.example.org $'subjectAltName=DNS:turn.example.org\nextendedKeyUsage=clientAuth'; serve for-clients "$CA/client-full.pem" "$CA/client.key"
leaf critical /CN=turn.example.org $'subjectAltName=DNS:turn.example.org\n1.3.6.1.4.1.99999.1=critical,ASN1:NULL'; serve critical "$CA/critical-full.pem" "$CA/critical.key"
leaf ca /CN=turn.example.org $'subjectAltName=DNS:turn.example.org\nbasicConstraints=critical,CA:TRUE'; serve ca "$CA/ca-full.pem" "$CA/ca.key"
self_signed anew "/O=Example Trust/CN=Example Root R1" ec basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign,cRLSign
by new anew $SAN; cat "$CA/new.pem" "$CA/anew.pem" >"$CA/new-full.pem"; serve root-made-anew "$CA/new-full.pem" "$CA/new.key"
by new anew $SAN; serve root-made-anew-not-sent "$CA/new.pem" "$CA/new.key"
key weak rsa:1024; leaf weak; serve weak-key "$CA/weak-full.pem" "$CA/weak.key"
