# Starts a private PostgreSQL and keeps it until the input ends. Arguments: port, password.
set -eu
port=$1
password=$2
for bin in /usr/lib/postgresql/*/bin; do
    PATH=$bin:$PATH
done
folder=$(mktemp -d)
data=$folder/data
trap 'exec 2>/dev/null; pg_ctl -D "$data" -m immediate stop >/dev/null; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

certificates() {
    cd "$folder"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=authority -keyout authority.key -out authority.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj /CN=localhost -keyout server.key -out server.csr
    echo 'subjectAltName=DNS:localhost' >extensions
    openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial \
        -days 2 -extfile extensions -out server.pem
    cd /
}

make() {
    echo "$password" >"$folder/password"
    initdb -D "$data" -U postgres --no-sync --auth-local=trust --auth-host=scram-sha-256 \
        --pwfile="$folder/password"
    certificates
    cat >>"$data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder'
max_connections = 300
ssl = on
ssl_cert_file = '$folder/server.pem'
ssl_key_file = '$folder/server.key'
CONF
}

up() {
    pg_ctl -D "$data" -l "$folder/log" -w start
}

# The server and all of its processes.
signal() {
    postmaster=$(head -n 1 "$data/postmaster.pid")
    for stat in /proc/[0-9]*/stat; do
        parent=$(sed 's/.*) . \([0-9]*\) .*/\1/' "$stat" 2>/dev/null) || continue
        [ "$parent" != "$postmaster" ] || kill -s "$1" "$(basename "$(dirname "$stat")")" || true
    done
    kill -s "$1" "$postmaster"
}

obey() {
    case $1 in
        restart) pg_ctl -D "$data" -l "$folder/log" -m fast -w restart ;;
        kill) pg_ctl -D "$data" -l "$folder/log" -m immediate -w restart ;;
        down) pg_ctl -D "$data" -m fast -w stop ;;
        up) up ;;
        stop) signal STOP ;;
        cont) signal CONT ;;
    esac
}

{ make && up; } >"$folder/making" 2>&1 || {
    tail -n 3 "$folder/making" "$folder/log" | tr '\n' ' '
    exit 1
}
chmod 755 "$folder"
echo "ready $folder"
while read -r line; do
    obey "$line" >>"$folder/making" 2>&1
    echo "done"
done
