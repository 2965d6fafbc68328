#!/usr/bin/env bash
# spark-cluster.sh start [WORKERS] | stop: a standalone Spark master and workers (default 2, a core
# and a gigabyte each) on this machine's loopback, from the pip package. Prints the master to submit
# to. Logs and process ids lie in build/cluster, or in $SPARK_CLUSTER.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${SPARK_CLUSTER:-$here/build/cluster}
port=${SPARK_MASTER_PORT:-7077}
python="$here/.venv/bin/python"

say() { # what went wrong, and status 2
    echo "$1" >&2
    exit 2
}

launch() { # NAME CLASS ARGS: a process group of its own, its id in NAME.pid
    local name=$1
    shift
    setsid "$SPARK_HOME/bin/spark-class" "$@" >"$folder/$name.log" 2>&1 &
    echo $! >"$folder/$name.pid"
}

wait_for() { # NAME TEXT: until the log says so, or the process has ended
    for _ in $(seq 600); do
        grep -q "$2" "$folder/$1.log" && return
        kill -0 "$(cat "$folder/$1.pid")" 2>/dev/null || break
        sleep 0.1
    done
    say "The $1 did not start; $folder/$1.log says why (is port $port taken? choose one by SPARK_MASTER_PORT)."
}

start() {
    local workers=${1:-2} number
    [[ $workers =~ ^[1-9][0-9]*$ ]] || say "start $workers: expected a number of workers, as start 2."
    make --silent --no-print-directory -C "$here" setup >&2
    compgen -G "$folder/*.pid" >/dev/null && say "A cluster runs already by $folder; stop it first (spark-cluster.sh stop)."
    mkdir -p "$folder"
    SPARK_HOME=$("$python" -c 'import pyspark, pathlib; print(pathlib.Path(pyspark.__file__).parent)')
    export SPARK_HOME SPARK_LOCAL_IP=127.0.0.1 SPARK_DAEMON_MEMORY=256m PYSPARK_PYTHON=$python TZ=UTC
    unset SPARK_CONF_DIR
    launch master org.apache.spark.deploy.master.Master --host 127.0.0.1 --port "$port" --webui-port 0
    wait_for master "I have been elected leader"
    for number in $(seq "$workers"); do
        launch "worker$number" org.apache.spark.deploy.worker.Worker --host 127.0.0.1 --cores 1 \
            --memory 1g --webui-port 0 --work-dir "$folder/work$number" "spark://127.0.0.1:$port"
    done
    for number in $(seq "$workers"); do
        wait_for "worker$number" "Successfully registered with master"
    done
    echo "spark://127.0.0.1:$port"
}

stop() {
    local file
    for file in "$folder"/*.pid; do
        [[ -e $file ]] || continue
        kill -TERM -- "-$(cat "$file")" 2>/dev/null || true # a worker ends its executors
        rm "$file"
    done
}

case ${1:-} in
    start) start "${2:-2}" ;;
    stop) stop ;;
    *) say "Expected spark-cluster.sh start [WORKERS] or spark-cluster.sh stop." ;;
esac
