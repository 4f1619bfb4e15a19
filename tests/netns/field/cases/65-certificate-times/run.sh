#!/bin/bash
# Certificates out of their time: the intermediate's own, and one beside another fault; and a web server whose clock is another one.
. "$(dirname "$0")/../../lib.sh"; base_up
ca_up
serve() { local n=$1 c=$2 k=$3; shift 3
  bg s openssl s_server -quiet -accept 198.51.100.10:5349 -cert "$c" -key "$k" -cert_chain "$c"; ready s "$PID"
  try "$n" turn --no-policy turns:turn.example.org $LAB; try "$n-gather" gather -4 -s turns:turn.example.org $LAB; stop $PID; }
# an intermediate that has ended
cat >> $CA/ca2.cnf <<P
[ca]
default_ca=d
[d]
database=$CA/index
serial=$CA/serial
new_certs_dir=$CA
certificate=$CA/root.pem
private_key=$CA/root.key
default_md=sha256
default_days=60
policy=p
unique_subject=no
[p]
organizationName=optional
commonName=supplied
P
openssl ca -batch -notext -config $CA/ca2.cnf -extfile $CA/int.ext -startdate 20200101000000Z -enddate 20260102000000Z -in $CA/int.csr -out $CA/intold.pem 2>/dev/null
cat $CA/good.pem $CA/intold.pem > $CA/goodold.pem; serve int-ended $CA/goodold.pem $CA/good.key
openssl ca -batch -notext -config $CA/ca2.cnf -extfile $CA/int.ext -startdate 20280101000000Z -enddate 20300102000000Z -in $CA/int.csr -out $CA/intnew.pem 2>/dev/null
cat $CA/good.pem $CA/intnew.pem > $CA/goodnew.pem; serve int-future $CA/goodnew.pem $CA/good.key
leaf past /CN=turn.example.org subjectAltName=DNS:turn.example.org 20250101000000Z "$(date -u -d '-2 hours' +%Y%m%d%H%M%SZ)"; serve ended-today $CA/past-full.pem $CA/past.key
leaf both /CN=www.example.org subjectAltName=DNS:www.example.org 20250101000000Z 20260102000000Z; serve ended-other-name $CA/both-full.pem $CA/both.key
# this machine's clock: the certificate begins in a year, and a web server beside it says that it is then
leaf future /CN=turn.example.org subjectAltName=DNS:turn.example.org "$(date -u -d '+300 days' +%Y%m%d%H%M%SZ)" "$(date -u -d '+390 days' +%Y%m%d%H%M%SZ)"
cat > $RUN/web.py <<P
import socket,time
from email.utils import formatdate
l=socket.create_server(("198.51.100.10",80))
while True:
    s,_=l.accept(); s.recv(1000); s.sendall(("HTTP/1.1 200 OK\r\nDate: %s\r\nConnection: close\r\n\r\n"%formatdate(time.time()+310*86400,usegmt=True)).encode()); s.close()
P
python_in s $RUN/web.py
serve clock $CA/future-full.pem $CA/future.key
