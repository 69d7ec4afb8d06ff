# Is k3s on this machine, does it run, and which cluster does it belong to? One line each; nothing is changed.
if ! command -v k3s >/dev/null 2>&1; then
    echo "k3s none"
    exit 0
fi
echo "k3s there"
echo "unit $(systemctl is-active k3s.service 2>/dev/null)"
if systemctl show --property=ExecStart k3s.service 2>/dev/null | grep -q -e --cluster-init; then echo "begins"; fi
sum=$(sha256sum /var/lib/rancher/k3s/server/tls/server-ca.crt 2>/dev/null) && echo "cluster ${sum%% *}"
journalctl --unit k3s.service --no-pager --output cat --lines 3 2>/dev/null | sed 's/^/said /'
exit 0
