# Folders that the package's files made and no other package has: RPM removes files alone. 0: the package goes.
if [ "$1" = 0 ]; then
    rmdir /usr/share/doc/flotilla /usr/share/fish/vendor_completions.d /usr/share/fish /usr/share/zsh/site-functions \
        2>/dev/null || true
fi
