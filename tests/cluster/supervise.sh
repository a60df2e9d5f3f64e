# Runs etcd and kube-apiserver until standard input closes, then kills both and removes DIRECTORY.
#
# The program that starts this holds the other end of standard input. However that program ends, also
# by SIGKILL, the kernel closes the pipe, and neither server outlives it.
#
# In: ASSETS (folder of the two programs), DIRECTORY (made, with the files that pki.rs writes),
# SERVER_PORT, ETCD_PORT, ETCD_PEER_PORT. Out: DIRECTORY/{etcd,kube-apiserver}.log, and
# DIRECTORY/exited with the exit code of kube-apiserver, should it end by itself.
set -u
exec 3<&0 2>"$DIRECTORY/supervise.log"

"$ASSETS/etcd" \
    --data-dir="$DIRECTORY/etcd" \
    --listen-client-urls="http://127.0.0.1:$ETCD_PORT" \
    --advertise-client-urls="http://127.0.0.1:$ETCD_PORT" \
    --listen-peer-urls="http://127.0.0.1:$ETCD_PEER_PORT" \
    --unsafe-no-fsync \
    >"$DIRECTORY/etcd.log" 2>&1 3<&- &
etcd=$!

# ServiceAccount admission is off because no controller here makes the default account that it wants.
"$ASSETS/kube-apiserver" \
    --etcd-servers="http://127.0.0.1:$ETCD_PORT" \
    --bind-address=127.0.0.1 \
    --secure-port="$SERVER_PORT" \
    --tls-cert-file="$DIRECTORY/server.crt" \
    --tls-private-key-file="$DIRECTORY/server.key" \
    --cert-dir="$DIRECTORY" \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$DIRECTORY/accounts.pub" \
    --service-account-signing-key-file="$DIRECTORY/accounts.key" \
    --token-auth-file="$DIRECTORY/tokens.csv" \
    --authorization-mode=RBAC \
    --service-cluster-ip-range=10.0.0.0/24 \
    --disable-admission-plugins=ServiceAccount \
    >"$DIRECTORY/kube-apiserver.log" 2>&1 3<&- &
apiserver=$!

# SIGKILL, since all they hold is thrown away.
{
    read -r _ <&3
    kill -9 "$apiserver" "$etcd"
} >/dev/null 2>&1 &
watcher=$!
exec 3<&-

wait "$apiserver"
{ echo "$?" >"$DIRECTORY/exited"; } 2>/dev/null
wait "$watcher"
# Here and not in the watcher, or `exited` could be written while the folder is removed.
rm -rf "$DIRECTORY"
