# Is k3s on this machine, does it run, and which cluster does it belong to? One line each; nothing is changed.
server=/var/lib/rancher/k3s/server
authority=$server/tls/server-ca.crt
# What a server has of a cluster stays, whether k3s runs, is stopped, or is no longer installed.
if [ -e "$authority" ] || [ -n "$(ls -A "$server/db" 2>/dev/null)" ]; then echo "state"; fi
sum=$(sha256sum "$authority" 2>/dev/null) && echo "cluster ${sum%% *}"
if ! command -v k3s >/dev/null 2>&1; then
    echo "k3s none"
    exit 0
fi
echo "k3s there"
echo "unit $(systemctl is-active k3s.service 2>/dev/null)"
# A server that is told of no other begins a cluster.
case $(systemctl show --property=ExecStart k3s.service 2>/dev/null) in
*--cluster-init*) echo "begins" ;;
*" --server "* | *" --server="*) ;;
*" server "*) echo "begins" ;;
esac
journalctl --unit k3s.service --no-pager --output cat --lines 3 2>/dev/null | sed 's/^/said /'
exit 0
