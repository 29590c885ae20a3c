# shellcheck shell=bash
# Sourced by the launchers. Runs `nba`: the installed one, or else the one of this checkout.

run_nba() {
    local installed root
    if installed=$(type -P nba); then
        exec "$installed" "$@"
    fi
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
    exec cargo run --quiet --manifest-path "$root/Cargo.toml" -p nba-cli -- "$@"
}
