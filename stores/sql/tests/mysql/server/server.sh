# Starts a private MariaDB and keeps it until the input ends. Arguments: port, password.
set -eu
port=$1
password=$2
PATH=$PATH:/usr/sbin:/sbin
folder=$(mktemp -d)
data=$folder/data
server=
# shellcheck disable=SC2015
trap 'exec 2>/dev/null; [ -z "$server" ] || kill -9 "$server" && wait "$server"; rm -rf "$folder"' EXIT
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
    mariadb-install-db --no-defaults --datadir="$data" --skip-test-db \
        --auth-root-authentication-method=normal
    certificates
}

up() {
    mariadbd --no-defaults --datadir="$data" --socket="$folder/socket" --port="$port" \
        --bind-address=127.0.0.1 --pid-file="$folder/pid" --max-connections=300 \
        --innodb-buffer-pool-size=64M --innodb-log-file-size=16M --skip-name-resolve \
        --ssl-ca="$folder/authority.pem" --ssl-cert="$folder/server.pem" \
        --ssl-key="$folder/server.key" >>"$folder/log" 2>&1 &
    server=$!
    tries=0
    until mariadb-admin --no-defaults --socket="$folder/socket" --user=root ping; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] && kill -0 "$server" || return 1
        sleep 0.1
    done
}

down() {
    kill "-$1" "$server"
    wait "$server" || true
}

obey() {
    case $1 in
        restart) down TERM && up ;;
        kill) down KILL && up ;;
        down) down TERM ;;
        up) up ;;
        stop) kill -STOP "$server" ;;
        cont) kill -CONT "$server" ;;
    esac
}

accounts() {
    mariadb --no-defaults --socket="$folder/socket" --user=root <<SQL
CREATE DATABASE farm;
CREATE USER app@'%' IDENTIFIED BY '$password';
GRANT ALL ON farm.* TO app@'%';
SQL
}

{ make && up && accounts; } >"$folder/making" 2>&1 || {
    tail -n 3 "$folder/making" | tr '\n' ' '
    exit 1
}
chmod 755 "$folder"
echo "ready $folder"
while read -r line; do
    obey "$line" >>"$folder/making" 2>&1
    echo "done"
done
