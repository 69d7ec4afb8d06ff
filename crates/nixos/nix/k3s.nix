{
  services.k3s = {
    enable = true;
    inherit package;
    # The one secret by which nodes join; agenix decrypts it on the machine.
    tokenFile = config.age.secrets.k3s-token.path;
    # Pods end in order when a machine is shut down.
    gracefulNodeShutdown.enable = true;
  };
  age.secrets.k3s-token.file = ../secrets/k3s-token.age;

  # Pods reach their node, and each other across nodes.
  networking.firewall.trustedInterfaces = [
    "cni0"
    "flannel.1"
  ];
  # The cluster's ports are open between its nodes, and to nobody else: 10250 kubelet, 8472 flannel, 7946 MetalLB,
  # 9100 node exporter, 5001 the registry mirror; 2379 and 2380 etcd, between servers.
  networking.firewall.extraCommands =
    let
      accept = address: protocol: ports: ''
        iptables -A nixos-fw -s ${address} -p ${protocol} -m multiport --dports ${ports} -j nixos-fw-accept
      '';
      node = address: accept address "tcp" "5001,7946,9100,10250" + accept address "udp" "7946,8472";
      server = address: accept address "tcp" "2379,2380";
      isServer = config.services.k3s.role == "server";
    in
    lib.concatMapStrings node (lib.attrValues (servers // agents))
    + lib.optionalString isServer (lib.concatMapStrings server (lib.attrValues servers));
}
