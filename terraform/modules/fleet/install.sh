#!/usr/bin/env bash
# Installs the programs on a machine of a fleet, and starts them. A machine that fails here sends no heartbeat: the
# controller replaces it. Run again, it installs the same again.
#
# FLOTILLA_FOLDER      s3:// or https:// folder of the release
# FLOTILLA_ARCHIVE     name of the archive in it
# FLOTILLA_SHA256      its SHA-256
# FLOTILLA_FLEET_FILE  text of the fleet file
# FLOTILLA_UNITS       units to start
# FLOTILLA_ROOT        where to install; default: /
set -euo pipefail

root=${FLOTILLA_ROOT-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A new machine may have no route or no credentials for some seconds.
fetch() {
    local attempt
    for attempt in 1 2 3 4 5 6; do
        case $FLOTILLA_FOLDER in
        s3://*) aws s3 cp --only-show-errors "$FLOTILLA_FOLDER/$1" "$work/$1" && return ;;
        *) curl --fail --silent --show-error --location --max-time 120 --output "$work/$1" "$FLOTILLA_FOLDER/$1" && return ;;
        esac
        sleep "$attempt"
    done
    echo "cannot fetch $FLOTILLA_FOLDER/$1" >&2
    return 1
}

fetch "$FLOTILLA_ARCHIVE"
# Another file than the one that was released is not unpacked.
echo "$FLOTILLA_SHA256  $work/$FLOTILLA_ARCHIVE" | sha256sum --check --quiet

install -d -m 755 "$root/usr/local/bin" "$root/etc/flotilla" "$root/etc/systemd/system" "$root/etc/sysctl.d"
tar -xzf "$work/$FLOTILLA_ARCHIVE" -C "$work" --no-same-owner
folder=$work/${FLOTILLA_ARCHIVE%.tar.gz}
# Not over a program that runs: its file would be busy.
cp -P --remove-destination "$folder"/bin/* "$root/usr/local/bin/"
install -m 644 "$folder"/systemd/*.service "$root/etc/systemd/system/"
install -m 644 "$folder/sysctl/90-flotilla.conf" "$root/etc/sysctl.d/"
printf '%s\n' "$FLOTILLA_FLEET_FILE" >"$root/etc/flotilla/fleet.toml"
chmod 644 "$root/etc/flotilla/fleet.toml"

# Elsewhere than at / it is a test, or an image that is being built.
[[ -z $root ]] || exit 0
id flotilla >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin flotilla
modprobe tcp_bbr || echo "this kernel has no BBR: transfers use its default" >&2
sysctl --quiet --load /etc/sysctl.d/90-flotilla.conf || echo "some settings of the network are not known here" >&2
systemctl daemon-reload
# shellcheck disable=SC2086 # Several words.
systemctl enable --now $FLOTILLA_UNITS
