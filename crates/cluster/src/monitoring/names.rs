//! Names that one part of monitoring gives and another asks for.

/// The Helm release; Prometheus takes rules and monitors with the label `release` of this value.
pub(super) const RELEASE: &str = "kube-prometheus-stack";
/// The chart's headless Service before Prometheus' sidecars.
pub(super) const SIDECARS: &str = "kube-prometheus-stack-thanos-discovery";
/// Where Thanos answers HTTP, in its Services as in its containers: policies act on the latter.
pub const THANOS_HTTP: i32 = 10902;
/// Where Thanos answers gRPC, likewise.
pub(super) const THANOS_GRPC: i32 = 10901;
/// The Secret that says where Thanos keeps blocks, and its key.
pub(super) const OBJECT_STORE: (&str, &str) = ("thanos-objstore", "objstore.yml");
/// The Secret with the object store's keys.
pub(super) const STORE_KEYS: &str = "thanos-s3";
/// The Secret with the password for the mail server, and its key.
pub(super) const MAIL_PASSWORD: (&str, &str) = ("alertmanager-mail", "password");
/// The directory of a machine in which files with metrics lie, for the node exporter to read.
pub const HOST_METRICS: &str = "/var/lib/host-metrics";
