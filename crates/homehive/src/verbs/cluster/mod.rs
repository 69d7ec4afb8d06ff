//! `cluster`: the fleet's cluster brought up, looked at, brought to the fleet's objects, and its nodes taken out.

mod apply;
mod nodes;
mod status;

pub use apply::{ClusterApplyAnswer, ClusterDiffAnswer};
pub use nodes::{ClusterRemoveAnswer, ClusterUpAnswer};
pub use status::ClusterStatusAnswer;

use super::Context;
use crate::answer;
use crate::args::{Cluster, PasswordOf};
use crate::clustering::{connect, fetch};
use crate::failure::Failure;
use crate::hostkeys;
use crate::load::Loaded;
use crate::reach;
use ::apply::AskError;
use cluster::Key;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `cluster kubeconfig --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClusterKubeconfigAnswer {
    /// Where it is kept, for nobody but its owner to read.
    pub path: String,
    /// The server that it came from.
    pub from: Option<String>,
}

/// The answer of `cluster password --json`: a secret.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClusterPasswordAnswer {
    /// Whose: the name to log in with.
    pub user: String,
    /// The password.
    pub password: String,
}

pub async fn run(context: &Context, verb: &Cluster) -> Result<(), Failure> {
    match verb {
        Cluster::Up(args) => nodes::up(context, args).await,
        Cluster::Status => status::run(context).await,
        Cluster::Diff(named) => apply::diff(context, named).await,
        Cluster::Apply(args) => apply::run(context, args).await,
        Cluster::Kubeconfig => kubeconfig(context).await,
        Cluster::Password { of: PasswordOf::Grafana } => grafana(context).await,
        Cluster::Remove(args) => nodes::remove(context, args).await,
    }
}

/// The cluster does not answer: what to do.
fn silent(context: &Context, error: &AskError) -> Failure {
    let next = context.again("cluster kubeconfig");
    let help = "if the cluster was made anew, or this machine moved, fetch the kubeconfig again";
    Failure::Failed(format!("{error}\n  {help}\n  next: {next}"))
}

async fn kubeconfig(context: &Context) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let access = fetch(context, &loaded).await?;
    let path = access.path.display().to_string();
    if context.global.json {
        let from = access.from.map(|name| name.to_string());
        answer::json("cluster-kubeconfig", &ClusterKubeconfigAnswer { path, from });
    } else {
        let quoted = cmd::quote(&path);
        answer::text(&path);
        context.story.note("next", format!("KUBECONFIG={quoted} kubectl get nodes"));
    }
    Ok(())
}

/// From the fleet's sealed file, or where that is not there from the cluster.
async fn grafana(context: &Context) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let sealed = loaded.dir().join("secrets").join(cluster::secrets::GRAFANA_PASSWORD);
    let password = if sealed.exists() {
        let identity = reach::unlocking(&loaded)?;
        let opened = hostkeys::open(&sealed, &identity).map_err(|error| Failure::Failed(error.to_string()))?;
        hostkeys::reveal(&opened).trim_end_matches('\n').to_owned()
    } else {
        in_cluster(context, &loaded).await?
    };
    let user = "admin".to_owned();
    if context.global.json {
        answer::json("cluster-password", &ClusterPasswordAnswer { user, password });
    } else {
        answer::text(&password);
    }
    Ok(())
}

async fn in_cluster(context: &Context, loaded: &Loaded) -> Result<String, Failure> {
    use base64::Engine as _;
    let (cluster, _) = connect(context, loaded).await?;
    let key = Key {
        api_version: "v1".into(),
        kind: "Secret".into(),
        namespace: Some("monitoring".into()),
        name: "grafana-admin".into(),
    };
    let found = cluster.get(&key).await.map_err(|error| silent(context, &error))?;
    let text = found.as_ref().and_then(|secret| secret["data"]["admin-password"].as_str());
    let bytes = text.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        let next = context.again("secrets init");
        Failure::Failed(format!("neither the fleet nor the cluster has a password of Grafana\n  next: {next}"))
    })
}
