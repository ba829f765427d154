# The user that the units run as. RPM runs this with sh.
if ! id flotilla >/dev/null 2>&1; then
    useradd --system --home-dir /var/lib/flotilla --no-create-home --shell /sbin/nologin flotilla
fi
# The program under the names of the other two: the package's maker knows no links.
for link in finder worker; do
    ln -sf flotilla "/usr/bin/$link"
done
install -d -m 755 /etc/flotilla
install -d -m 750 -o flotilla -g flotilla /var/lib/flotilla
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl try-restart flotilla-worker flotilla-controller flotilla-serve || true
fi
