# Workers drain. 0: the last one goes; 1: an upgrade, which restarts them.
if [ "$1" = 0 ] && [ -d /run/systemd/system ]; then
    systemctl disable --now flotilla-worker flotilla-controller flotilla-serve || true
fi
