# Takes connections and closes them.
import socket
s = socket.create_server(("198.51.100.10", 3478))
while True: s.accept()[0].close()
