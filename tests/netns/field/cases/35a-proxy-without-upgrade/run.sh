#!/bin/bash
# `rtcdiag serve` behind nginx whose location has no Upgrade headers; then with them, for comparison. Then other things that
# a proxy or web server does to the request, and the wrong scheme.
. "$(dirname "$0")/../../lib.sh"; base_up; ca_up
coturn -L 198.51.100.11 -S $PLAIN
up='proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;'
web "server { listen 198.51.100.10:443 ssl; ssl_certificate $CA/good-full.pem; ssl_certificate_key $CA/good.key;
  location /without/ { proxy_pass http://127.0.0.1:7880/; }
  location /with/ { proxy_pass http://127.0.0.1:7880/; $up }
  location = /blocked/pair { return 403; }
  location /blocked/ { proxy_pass http://127.0.0.1:7880/; $up }
  location /login/ { return 401; } location /dead/ { proxy_pass http://127.0.0.1:7999/; $up }
  location /page/ { return 200 'hello'; } location /gate/ { return 302 /sign-in; } }
  server { listen 198.51.100.10:80; return 301 https://\$host\$request_uri; }
  server { listen 198.51.100.10:8080; location / { proxy_pass http://127.0.0.1:7880; $up } }"
bg s "$R" serve --listen 127.0.0.1:7880; ready s "$PID"
meet() { try "$1" pair --rendezvous "$2" --timeout 6 --no-nat -s stun:198.51.100.11 "$("$R" pair --new-code)"; }
for way in without with blocked login dead page gate nothing; do meet $way wss://turn.example.org/$way; done
meet redirect ws://turn.example.org/with
meet plain-to-tls ws://turn.example.org:443/with
meet tls-to-plain wss://turn.example.org:8080
meet no-prefix ws://turn.example.org:8080/rdv
