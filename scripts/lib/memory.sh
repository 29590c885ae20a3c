# shellcheck shell=bash
# Throw-away files of tests and demonstrations in memory. Sourced.
#
# The tests make and remove some hundred servers of a thousand files each, and most of the time on a disk is the file system's.
# The mounts are seen by the command alone, and vanish with it. Without the right to mount (only root has it here), or
# without the memory, the command runs as it is.

# Free memory from which on a third of it is lent to the servers and another to TMPDIR, in MiB; the tests use 1,500.
memory_wanted=6144

# in_memory COMMAND…: runs it with the servers' folder and TMPDIR in memory.
in_memory() {
    local free folder status=0
    free=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo 2>/dev/null) || free=
    if [ "${free:-0}" -lt "$memory_wanted" ] || [ "$(id -u)" -ne 0 ] ||
        ! unshare --mount -- mount -t tmpfs tmpfs /tmp >/dev/null 2>&1; then
        "$@"
        return
    fi
    folder=$(mktemp -d /tmp/nba-memory-XXXXXX)
    # The first is where nba_db::embedded keeps its throw-away servers.
    # shellcheck disable=SC2016  # expanded within
    unshare --mount -- bash -euc '
        servers=/tmp/nba-pg-$(id -u) folder=$1 size=$2
        shift 2
        mkdir -p -m 711 "$servers"
        mount -t tmpfs -o "mode=711,size=${size}m" tmpfs "$servers"
        mount -t tmpfs -o "mode=1777,size=${size}m" tmpfs "$folder"
        export TMPDIR=$folder
        "$@"
    ' in_memory "$folder" $((free / 3)) "$@" || status=$?
    rmdir -- "$folder"
    return "$status"
}
