# The links, and folders that the package's files made and no other package has: RPM removes its files alone. 0: the
# package goes.
if [ "$1" = 0 ]; then
    rm -f /usr/bin/finder /usr/bin/worker
    rmdir /usr/share/doc/flotilla /usr/share/fish/vendor_completions.d /usr/share/fish /usr/share/zsh/site-functions \
        2>/dev/null || true
fi
