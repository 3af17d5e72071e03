#!/usr/bin/env bash
# Stands where the C client's tests have tests/zkServer.sh and bin/zkServer.sh, and starts Castle's keeper.
#
#   zkServer.sh startClean|start|startCleanReadOnly|startRequireSASLAuth [jaas] [readOnly]|stop     one server
#   zkServer.sh start|stop|status CONFIGURATION                                                     one of several
#
# CASTLE is the binary, C_CLIENT_WORK the directory for data and logs. CERTIFICATES has what /tmp/certs would.
set -u
command=$1
work=$C_CLIENT_WORK
port=22181

# Whether the server on a port says in which mode it is.
answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf srvr >&3 && timeout 5 cat <&3) 2>/dev/null | grep '^Mode:'
}

await() { # PORT PID
  for _ in {1..1200}; do
    answers "$1" > /dev/null && return 0
    kill -0 "$2" 2>/dev/null || { echo -n " server failed"; return 1; }
    sleep 0.05
  done
  echo -n " server is not ready"
  return 1
}

end() { # PID_FILE
  [ -r "$1" ] || return 0
  local pid; pid=$(cat "$1")
  rm -f "$1"
  kill -9 "$pid" 2>/dev/null
  while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
  return 0
}

case ${2:-} in
*.conf)
  [[ $2 == *jaas.conf ]] || {
    pid_file=$2.pid
    member_port=$(sed -n 's/^clientPort=//p' "$2")
    case $command in
    start)
      end "$pid_file"
      cp "$2" "$2.castle" # a member writes its own file anew, and the status below wants the old one
      setsid "$CASTLE" keeper "$2.castle" < /dev/null >> "$2.log" 2>&1 &
      echo $! > "$pid_file" ;;
    stop) end "$pid_file" ;;
    status) answers "$member_port" ;;
    esac
    exit 0
  } ;;
esac

end "$work/zk.pid"
case $command in
stop) exit 0 ;;
startClean | startCleanReadOnly) rm -rf "$work/zkdata" ;;
esac
mkdir -p "$work/zkdata"
read_only=
export SERVER_JVMFLAGS="${EXTRA_JVM_ARGS:-} -Dzookeeper.extendedTypesEnabled=true -Dznode.container.checkIntervalMs=100"
case $command in
startRequireSASLAuth)
  SERVER_JVMFLAGS+=" -Dzookeeper.sessionRequireClientSASLAuth=true"
  SERVER_JVMFLAGS+=" -Dzookeeper.authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider"
  [ -z "${2:-}" ] || SERVER_JVMFLAGS+=" -Djava.security.auth.login.config=$PWD/$2"
  read_only=${3:-} ;;
startCleanReadOnly) read_only=true ;;
esac
{
  printf '%s\n' tickTime=500 initLimit=10 syncLimit=5 "dataDir=$work/zkdata" "maxClientCnxns=${ZKMAXCNXNS:-100}" \
    localSessionsEnabled=true "clientPort=$port" secureClientPort=22281 admin.enableServer=false preAllocSize=64 \
    "ssl.keyStore.location=$CERTIFICATES/server.pem" "ssl.trustStore.location=$CERTIFICATES/root.pem"
  if [ -n "$read_only" ]; then # one of three, alone
    printf 'server.%s=localhost:2288%s:3388%s\n' 1 1 1 2 2 2 3 3 3
    echo 1 > "$work/zkdata/myid"
  fi
} > "$work/zoo.cfg"
[ -z "$read_only" ] || SERVER_JVMFLAGS+=" -Dreadonlymode.enabled=true"
setsid "$CASTLE" keeper "$work/zoo.cfg" < /dev/null >> "$work/zk.log" 2>&1 &
pid=$!
echo "$pid" > "$work/zk.pid"
if [ -n "$read_only" ]; then
  sleep 4 # as the original's script; whether it answers is for the test
else
  await "$port" "$pid"
fi
exit 0
